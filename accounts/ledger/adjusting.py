"""What admins change: limits, top-ups and write-offs."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import personal_notices
from accounts.errors import InvalidAmount
from accounts.events import Event
from accounts.ledger.entering import enter, record_act
from accounts.ledger.months import allowance_of, end_of, last_day_of, month_of_owner, team_of
from accounts.models import Allowance, Entry, Team, TopUp, User
from accounts.models.quota import MAX_CREDITS

Kind = Entry.Kind


@transaction.atomic
def set_limit(
    owner: User | Team,
    credits: int,
    *,
    actor: User | None,
    reason: str,
    origin: str = Allowance.Origin.ADMIN,
) -> Allowance:
    """Set this month's limit. A limit below what is in use stops new runs but takes nothing back.

    Raises InvalidAmount, also for a team without a cap.
    """
    refuse_amount(credits, minimum=0)
    allowance = _changeable(owner)
    before = Allowance.objects.select_for_update().get(pk=allowance.pk).limit
    Allowance.objects.filter(pk=allowance.pk).update(limit=credits, origin=origin)
    entries = enter(allowance, Kind.LIMIT, credits - before, actor=actor, reason=reason)
    facts = {"before": before, "after": credits, "month": f"{allowance.month:%Y-%m}"} | entries
    record_act(Event.ALLOWANCE_LIMIT_SET, owner, actor=actor, reason=reason, facts=facts)
    allowance.refresh_from_db()
    return allowance


@transaction.atomic
def top_up(
    owner: User | Team,
    credits: int,
    *,
    actor: User | None,
    reason: str,
    ends_on: dt.date | None = None,
    token: UUID | None = None,
    tells: bool = True,
) -> Allowance:
    """Add credits to this month, until the end of the day `ends_on` or of the month.

    The day is that of the team which the owner has now. `token` names the form: the same form adds
    nothing a second time. A person gets a notice unless `tells` is False. Raises InvalidAmount,
    also for a team without a cap, a day that is over or in another month, and a form sent twice.
    """
    refuse_amount(credits, minimum=1)
    refuse_end(owner, ends_on)
    allowance = _changeable(owner)
    _add(allowance, credits, token)
    ends_at = end_of(ends_on, team_of(owner)) if ends_on else None
    TopUp.objects.create(
        allowance=allowance, credits=credits, ends_on=ends_on, ends_at=ends_at, token=token
    )
    entries = enter(allowance, Kind.TOP_UP, credits, actor=actor, reason=reason)
    facts: dict[str, Any] = {"credits": credits, "month": f"{allowance.month:%Y-%m}"}
    facts |= ({"ends_on": f"{ends_on:%Y-%m-%d}"} if ends_on else {}) | entries
    record_act(Event.ALLOWANCE_TOPPED_UP, owner, actor=actor, reason=reason, facts=facts)
    if tells and isinstance(owner, User):
        _tell(owner, credits, ends_on, cause=entries["entries"][0])
    allowance.refresh_from_db()
    return allowance


@transaction.atomic
def write_off(allowance: Allowance, credits: int, *, actor: User | None, reason: str) -> None:
    """Give back spent credits for worthless images. Raises InvalidAmount if fewer were spent."""
    refuse_amount(credits, minimum=1)
    take_from_spent(allowance, credits)
    entries = enter(allowance, Kind.WRITE_OFF, credits, actor=actor, reason=reason)
    facts = {"credits": credits, "month": f"{allowance.month:%Y-%m}"} | entries
    record_act(
        Event.ALLOWANCE_WRITTEN_OFF, allowance.owner, actor=actor, reason=reason, facts=facts
    )


def take_from_spent(allowance: Allowance, credits: int) -> None:
    """Write credits off a month. Raises InvalidAmount if fewer were spent in it."""
    spent = Allowance.objects.filter(pk=allowance.pk, spent__gte=credits)
    if not spent.update(spent=F("spent") - credits):
        raise InvalidAmount(_("No more can be written off than was spent in that month."))


def refuse_amount(credits: int, *, minimum: int = 0) -> None:
    """Raise InvalidAmount for a number of credits that nobody means."""
    if not minimum <= credits <= MAX_CREDITS:
        raise InvalidAmount(
            _("Write a whole number of credits from %(least)d to %(most)d.")
            % {"least": minimum, "most": MAX_CREDITS}
        )


def refuse_end(owner: User | Team, ends_on: dt.date | None) -> None:
    """Raise InvalidAmount for a last day of a top-up that is over, or in a later month."""
    if ends_on is None:
        return
    last = last_day_of(month_of_owner(owner))
    today = timezone.now().astimezone(team_of(owner).tzinfo).date()
    if ends_on > last:
        text = _("A top-up ends with the month: its last day is %(last)s at the latest.")
        raise InvalidAmount(text % {"last": date_format(last, "MONTH_DAY_FORMAT")})
    if ends_on < today:
        raise InvalidAmount(_("The last day of a top-up is today or later."))


def _changeable(owner: User | Team) -> Allowance:
    allowance = allowance_of(owner)
    if allowance is None:
        raise InvalidAmount(_("This team has no cap. Give the team a quota first."))
    return allowance


def _add(allowance: Allowance, credits: int, token: UUID | None) -> None:
    """Add to the row, which is locked from then on: of two equal forms, the second waits here."""
    room = Allowance.objects.filter(pk=allowance.pk, top_up__lte=MAX_CREDITS - credits)
    if not room.update(top_up=F("top_up") + credits):
        raise InvalidAmount(
            _("Top-ups of one month together can't be more than %(most)d credits.")
            % {"most": MAX_CREDITS}
        )
    if token and TopUp.objects.filter(allowance=allowance, token=token).exists():
        raise InvalidAmount(
            _(
                "This form has been sent before, so nothing was added now. To add more, open it "
                "again."
            )
        )


def _tell(person: User, credits: int, ends_on: dt.date | None, *, cause: str) -> None:
    told: dict[str, str | int] = {"credits": credits}
    if ends_on:
        told["ends_on"] = ends_on.isoformat()
    personal_notices.tell(person.pk, personal_notices.Kind.CREDITS_ADDED, cause=cause, facts=told)
