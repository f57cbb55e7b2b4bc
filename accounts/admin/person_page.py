"""A person's page in the admin: credits and a field to add some, links, sessions, last work."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import audit, ledger, sessions
from accounts.admin import usage
from accounts.admin.amounts import CreditsField, last_day_field, reason_field
from accounts.errors import InvalidAmount
from accounts.events import Event
from accounts.http import actor_of, caller
from accounts.models import Allowance, User

# Sessions of one person that are counted at most.
MOST_SESSIONS = 100


@dataclass(frozen=True)
class Fact:
    """One line about a person: a number in words, and what it is about."""

    label: str | Promise
    value: str


# What other apps know about a person; `generations.admin` adds the last work.
FACTS: list[Callable[[User], Iterable[Fact]]] = []


class TopUpForm(forms.Form):
    """Credits for one person. `seen` is the state on which the form was drawn."""

    credits = CreditsField(label=_("Credits to add this month"), least=1)
    ends_on = last_day_field()
    reason = reason_field(label=_("Reason (optional)"), required=False)
    seen = forms.CharField(widget=forms.HiddenInput)


def context_of(person: Any) -> dict[str, Any]:
    """What the page shows of `person`, who has the annotations of `usage.with_allowance`."""
    of_others = [fact for facts in FACTS for fact in facts(person)]
    return {
        "person": person,
        "figures": [*_figures(person), *of_others, *_sessions_of(person)],
        "top_up_form": TopUpForm(initial={"seen": _seen(person)}),
    }


def add_credits(person: User, form: TopUpForm, *, actor: User) -> Allowance:
    """Add the credits of a valid form. Raises InvalidAmount if a top-up came since it was drawn.

    So a double press, a second tab or the back button adds nothing twice.
    """
    chosen = form.cleaned_data
    with transaction.atomic():
        allowance = ledger.allowance_of(person)
        assert allowance is not None  # noqa: S101  # people always have one
        locked = Allowance.objects.select_for_update().get(pk=allowance.pk)
        if chosen["seen"] != _state(locked.month, locked.top_up):
            raise InvalidAmount(
                gettext(
                    "Nothing was added now: this month's top-up is %(top_up)s credits already. "
                    "Look whether that is enough, and press again if it is not."
                )
                % {"top_up": locked.top_up}
            )
        values = {name: chosen[name] for name in ("credits", "reason", "ends_on")}
        return ledger.top_up(person, **values, actor=actor)


def what_is_wrong(form: TopUpForm) -> str:
    """The errors of an invalid form, each after the label of its field."""
    fields = [(form[name].label, texts) for name, texts in form.errors.items()]
    return " ".join(f"{label}: {text}" for label, texts in fields for text in texts)


@transaction.atomic
def end_sessions(request: HttpRequest, person: User) -> int:
    """End the sessions of `person` and their links, except for one's own; on record.

    Returns how many sessions there were.
    """
    kept = request.session if request.user == person else None
    number = UserSession.objects.filter(user=person)[:MOST_SESSIONS].count()
    sessions.end_all(person, keep=kept)
    audit.record(
        Event.USER_SESSIONS_ENDED,
        actor=actor_of(request),
        subject=person,
        facts={"sessions": number},
        personal=caller(request),
    )
    return number


def _figures(person: Any) -> list[Fact]:
    share = gettext("%(left)s of %(total)s credits") % {
        "left": usage.credits_left(person),
        "total": usage.total(person),
    }
    return [
        Fact(_("Left this month"), share),
        Fact(_("Spent"), str(usage.spent(person))),
        Fact(_("Reserved"), str(usage.reserved(person))),
        Fact(_("Added this month"), str(usage.top_up(person))),
        Fact(_("Limit this month"), usage.origin_of(person)),
        Fact(_("Quota"), _monthly(person)),
        *(Fact(_("Planned"), _planned(each)) for each in ledger.upcoming(person)),
    ]


def _monthly(person: User) -> str:
    quota, origin = ledger.quota_in_force(person)
    return gettext("%(credits)s credits a month (%(origin)s)") % {
        "credits": quota,
        "origin": ledger.origin_in_words(origin, person),
    }


def _planned(upcoming: ledger.Upcoming) -> str:
    date = date_format(upcoming.month, "MONTH_DAY_FORMAT")
    return gettext("From %(date)s: %(credits)d") % {"date": date, "credits": upcoming.credits}


def _sessions_of(person: User) -> list[Fact]:
    number = UserSession.objects.filter(user=person)[:MOST_SESSIONS].count()
    return [Fact(_("Browsers signed in"), str(number))]


def _seen(person: Any) -> str:
    return _state(ledger.month_of(person.team), usage.top_up(person))


def _state(month: dt.date, top_up: int) -> str:
    return f"{month:%Y-%m} {top_up}"
