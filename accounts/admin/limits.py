"""This month's limits of several people, set to those of the month before."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import ledger
from accounts.models import Allowance, User


@dataclass(frozen=True)
class Copied:
    """How many people were asked for, whose limit changed, and who had none last month."""

    people: int
    changed: int
    without: list[User]


@transaction.atomic
def copy_last_month(people: Iterable[User], *, actor: User) -> Copied:
    """Set this month's limit of each person to that of the month before, as it was at its end."""
    chosen = list(people)
    before = _limits_before(chosen)
    reason = _("Copied from the month before.")
    changed = 0
    for person in chosen:
        limit = before.get(person.pk)
        allowance = ledger.allowance_of(person) if limit is not None else None
        if limit is not None and allowance and allowance.limit != limit:
            ledger.set_limit(person, limit, actor=actor, reason=reason)
            changed += 1
    return Copied(len(chosen), changed, [each for each in chosen if each.pk not in before])


def _limits_before(people: Iterable[User]) -> dict[int, int]:
    """The limits of the month before by person, in one query."""
    months = {person.pk: _month_before(person) for person in people}
    rows = Allowance.objects.filter(user__in=list(months), month__in=set(months.values()))
    found = rows.values_list("user", "month", "limit")
    return {user: limit for user, month, limit in found if user and months[user] == month}


def _month_before(person: User) -> dt.date:
    return (ledger.month_of_owner(person) - dt.timedelta(days=1)).replace(day=1)
