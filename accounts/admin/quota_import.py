"""Quotas from a table: first what each line would change, then all of it or nothing."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Lower
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit, ledger
from accounts.admin import own_quotas, rights, usage
from accounts.admin.amounts import whole_number
from accounts.admin.quota_table import DEFAULT, Line
from accounts.errors import InvalidAmount
from accounts.events import Event
from accounts.models import Allowance, Entry, User
from accounts.phrases import sentences

# Lines that change something cost a second for each two hundred, in one transaction.
MOST_CHANGES = 1_000
LONGEST_REASON = Entry._meta.get_field("reason").max_length or 0


@dataclass(frozen=True)
class Change:
    """What one line asks for. `problem` says why it can't be done, and is empty otherwise.

    `top_up_seen` is what had been added this month when it was planned.
    """

    number: int
    email: str
    person: User | None = None
    quota: tuple[int | None, int | None] | None = None
    top_up: int = 0
    ends_on: dt.date | None = None
    reason: str = ""
    top_up_seen: int = 0
    note: str = ""
    problem: str = ""

    @property
    def is_none(self) -> bool:
        return not (self.quota or self.top_up or self.problem)

    @property
    def text(self) -> str:
        """What becomes of the line, in words."""
        if self.problem:
            return self.problem
        return sentences(*self._parts(), self.note) or _("No change.")

    def _parts(self) -> Iterable[str]:
        if self.quota:
            before, after = map(own_quotas.in_words, self.quota)
            yield _("%(before)s → %(after)s.") % {"before": before, "after": after}
        if self.top_up and self.ends_on:
            date = date_format(self.ends_on, "MONTH_DAY_FORMAT")
            yield _("+%(credits)d until %(date)s.") % {"credits": self.top_up, "date": date}
        elif self.top_up:
            yield _("+%(credits)d this month.") % {"credits": self.top_up}


@dataclass(frozen=True)
class Plan:
    """What a table would change, line by line. `state` differs if anything in it does."""

    changes: Sequence[Change]

    @property
    def problems(self) -> list[Change]:
        return [change for change in self.changes if change.problem]

    @property
    def quotas(self) -> int:
        return sum(1 for change in self.changes if change.quota)

    @property
    def top_ups(self) -> int:
        return sum(1 for change in self.changes if change.top_up)

    @property
    def unchanged(self) -> int:
        return sum(1 for change in self.changes if change.is_none)

    @property
    def refusal(self) -> str:
        """Why none of it can be imported; empty if it can."""
        if number := len(self.problems):
            text = ngettext(
                "%(number)d line can't be imported. Nothing is imported until it is put right: "
                "change the file and send it again.",
                "%(number)d lines can't be imported. Nothing is imported until they are put "
                "right: change the file and send it again.",
                number,
            )
            return text % {"number": number}
        if len(self.changes) - self.unchanged > MOST_CHANGES:
            text = _("The file changes more than %(most)d people. Import it in several files.")
            return text % {"most": MOST_CHANGES}
        return ""

    @property
    def changes_nothing(self) -> bool:
        return self.unchanged == len(self.changes)

    @property
    def state(self) -> str:
        facts = [
            (c.number, c.email, c.quota, c.top_up, str(c.ends_on), c.reason, c.top_up_seen)
            for c in self.changes
        ]
        return sha256(repr(facts).encode()).hexdigest()


def planned(lines: Sequence[Line], *, actor: User) -> Plan:
    """What `lines` would change now. The number of queries does not depend on that of lines."""
    people = _people(lines, actor)
    may_top_up = actor.has_perm("accounts.change_allowance")
    seen: dict[str, int] = {}
    return Plan([_change(line, people, seen, may_top_up=may_top_up) for line in lines])


@transaction.atomic
def apply(lines: Sequence[Line], *, state: str, actor: User) -> Plan | None:
    """Do what `lines` ask for, all in one transaction and on record.

    Returns None, or the plan of now if it is refused or is not the one whose `state` was shown:
    then nothing was done.
    """
    _lock(lines)
    plan = planned(lines, actor=actor)
    if plan.refusal or plan.state != state:
        return plan
    for change in plan.changes:
        _apply(change, actor)
    facts = {"quotas": plan.quotas, "top_ups": plan.top_ups}
    audit.record(Event.QUOTAS_IMPORTED, actor=actor, subject=actor, facts=facts)
    return None


def _apply(change: Change, actor: User) -> None:
    person = change.person
    assert person is not None  # noqa: S101  # else it is a problem
    if change.quota:
        before, after = change.quota
        own_quotas.change_quota(person, after, shown=before, actor=actor, reason=change.reason)
        facts = {"before": {"quota": before}, "after": {"quota": after}}
        audit.record(Event.USER_CHANGED, actor=actor, subject=person, facts=facts)
    if change.top_up:
        reason, ends_on = change.reason, change.ends_on
        ledger.top_up(person, change.top_up, actor=actor, reason=reason, ends_on=ends_on)


def _change(
    line: Line, people: dict[str, Any], seen: dict[str, int], *, may_top_up: bool
) -> Change:
    email = line.email.lower()
    person = people.get(email)
    known: dict[str, Any] = {"number": line.number, "email": line.email, "person": person}
    if line.problem:
        return Change(**known, problem=line.problem)
    if email not in people:
        return Change(**known, problem=_("There is no person with this address."))
    if first := seen.get(email):
        text = _("The same person stands in line %(first)d already.")
        return Change(**known, problem=text % {"first": first})
    seen[email] = line.number
    try:
        asked = _asked(line, people[email], may_top_up=may_top_up)
    except (ValidationError, InvalidAmount) as error:
        return Change(**known, problem=str(error.message))
    return Change(**known, **asked, note=_note(people[email], asked))


def _asked(line: Line, person: Any, *, may_top_up: bool) -> dict[str, Any]:
    """What the line asks for. Raises ValidationError or InvalidAmount."""
    asked: dict[str, Any] = {"reason": line.reason, "top_up_seen": usage.top_up(person)}
    quota = _quota(line.quota, person.quota)
    if quota != person.quota:
        asked["quota"] = person.quota, quota
    if len(line.reason) > LONGEST_REASON or not line.reason.isprintable():
        text = _("Write the reason in one line of at most %(most)d characters.")
        raise InvalidAmount(text % {"most": LONGEST_REASON})
    if line.top_up and not may_top_up:
        raise InvalidAmount(_("You may not top up credits."))
    if line.top_up:
        asked["top_up"] = whole_number(line.top_up, least=1)
        asked["ends_on"] = _last_day(line.ends_on)
        ledger.refuse_end(person, asked["ends_on"])
    return asked


def _quota(text: str, now: int | None) -> int | None:
    """An empty cell changes nothing."""
    if text.lower() == DEFAULT:
        return None
    return whole_number(text) if text else now


def _last_day(text: str) -> dt.date | None:
    try:
        date = parse_date(text)
    except ValueError:
        date = None
    if text and date is None:
        raise InvalidAmount(_("Write the last day as 2026-11-30."))
    return date


def _note(person: Any, asked: dict[str, Any]) -> str:
    """That the new quota is used up already, if it is."""
    if "quota" not in asked:
        return ""
    quota = asked["quota"][1]
    if quota is None:
        return ""
    total = quota + usage.top_up(person) + asked.get("top_up", 0)
    is_short = usage.used(person) and usage.used(person) >= total
    return usage.used_up_in_words(person, usage.used(person), total) if is_short else ""


def _people(lines: Sequence[Line], actor: User) -> dict[str, Any]:
    """The people whom `actor` may change, by address in small letters."""
    reachable = User.objects.filter(rights.reachable_people(actor)).select_related("team")
    found = _named(usage.with_allowance(reachable), lines)
    return {person.email.lower(): person for person in found}


def _lock(lines: Sequence[Line]) -> None:
    """Keep quotas and allowances of these people from changing until the transaction ends."""
    people = _named(User.objects.select_for_update(of=("self",)), lines).order_by("pk")
    keys = [person.pk for person in people.only("pk")]
    rows = Allowance.objects.select_for_update(of=("self",)).filter(user__in=keys).order_by("pk")
    list(rows.only("pk"))


def _named(people: Any, lines: Sequence[Line]) -> Any:
    addresses = {line.email.lower() for line in lines}
    return people.alias(address=Lower("email")).filter(address__in=addresses)
