"""Where a limit comes from, in words: “from team Brand, +200 until 30 Nov”."""

import datetime as dt
from collections.abc import Iterable

from django.db.models import Prefetch, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.ledger.months import last_day_of
from accounts.models import Allowance, Team, TopUp, User
from accounts.phrases import listed

Origin = Allowance.Origin


def open_ends() -> QuerySet[TopUp]:
    """Top-ups that end before their month does, or with it, and have not ended."""
    rows = TopUp.objects.filter(ended_at__isnull=True, ends_on__isnull=False)
    return rows.order_by("ends_on", "pk")


def with_ends(allowances: QuerySet[Allowance]) -> QuerySet[Allowance]:
    """`allowances`, each with its `open_ends`, in one more query for all."""
    return allowances.prefetch_related(Prefetch("top_ups", open_ends(), to_attr="open_ends"))


def origin_of(allowance: Allowance, owner: User | Team) -> str:
    """Where the limit of this month comes from, and what was added until when.

    Needs a query, but only for an allowance with a top-up, unless `with_ends` has read it.
    """
    origin = origin_in_words(allowance.origin, owner)
    return listed(origin, *_added(allowance)) if allowance.top_up else origin


def origin_in_words(origin: str, owner: User | Team) -> str:
    """Where a quota comes from (`Allowance.Origin`), without top-ups."""
    if origin == Origin.TEAM and isinstance(owner, User):
        return _("from team %(team)s") % {"team": owner.team}
    return str(Origin(origin).label)


def _added(allowance: Allowance) -> Iterable[str]:
    amounts: dict[dt.date, int] = {}
    rest = allowance.top_up
    read: Iterable[TopUp] | None = getattr(allowance, "open_ends", None)
    for top_up in open_ends().filter(allowance=allowance) if read is None else read:
        if top_up.ends_on:
            amounts[top_up.ends_on] = amounts.get(top_up.ends_on, 0) + top_up.credits
            rest -= top_up.credits
    if rest > 0:
        last = last_day_of(allowance.month)
        amounts[last] = amounts.get(last, 0) + rest
    for day in sorted(amounts):
        date = date_format(day, "SHORT_MONTH_DAY_FORMAT")
        yield _("+%(credits)d until %(date)s") % {"credits": amounts[day], "date": date}
