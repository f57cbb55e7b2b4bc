"""Tells when 80 and 100 % of credits or a budget are used, and when a price is missing.

A task looks once a minute, and not the request that crosses a share: people are told a minute later
and each press stays as fast as it is. A look reads the allowances of this month that are used so
far (`allowance_by_month`), however many months are stored, and the open notices.

Used is what is spent or reserved, because that is what stops the next run. Once 100 % is told, the
notice about 80 % ends.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, FloatField, Q
from django.db.models.functions import Cast
from django.utils import timezone

from accounts import ledger, notices, personal_notices
from accounts.models import Allowance
from accounts.notices import Kind
from generations import budgets, pricing
from generations.readiness.kinds import (
    PRICE_MISSING,
    SHARE_OF_BUDGET,
    SHARE_OF_PERSON,
    SHARE_OF_STUDIO_BUDGET,
    SHARE_OF_TEAM,
)

WARNED, USED_UP = 80, 100
# New notices of one kind in one look. The next look tells the rest.
MOST_AT_ONCE = 50
PERSONAL = {
    WARNED: personal_notices.Kind.CREDITS_NEARLY_USED,
    USED_UP: personal_notices.Kind.CREDITS_USED_UP,
}

Facts = dict[str, Any]


class Share(NamedTuple):
    """A share of credits that an owner has used this month: 80 or 100 (percent)."""

    allowance: Allowance
    percent: int

    @property
    def cause(self) -> str:
        return f"{self.allowance.owner.uuid} {self.allowance.month:%Y-%m} {self.percent}"

    @property
    def facts(self) -> Facts:
        row = self.allowance
        return {
            "name": str(row.owner),
            "share": self.percent,
            "month": f"{row.month:%Y-%m}",
            "used": row.used,
            "total": row.total,
        }


def look() -> None:
    """Tell what holds now, and end what is over."""
    shares: Mapping[Kind, dict[str, Share]] = defaultdict(dict)
    for share in _shares():
        kind = SHARE_OF_PERSON if share.allowance.user_id else SHARE_OF_TEAM
        shares[kind][share.cause] = share
    _tell_people(shares[SHARE_OF_PERSON])
    _agree(SHARE_OF_TEAM, {cause: each.facts for cause, each in shares[SHARE_OF_TEAM].items()})
    _agree(SHARE_OF_BUDGET, dict(_budgets(of_studio=False)))
    _agree(SHARE_OF_STUDIO_BUDGET, dict(_budgets(of_studio=True)))
    _agree(PRICE_MISSING, dict(_unpriced()))


@transaction.atomic
def _tell_people(found: Mapping[str, Share]) -> None:
    """Tell admins and, whenever they are told of somebody for the first time, that person."""
    new = _agree(SHARE_OF_PERSON, {cause: each.facts for cause, each in found.items()})
    for cause in new:
        row, percent = found[cause].allowance, found[cause].percent
        assert row.user_id  # noqa: S101  # chosen so
        facts: dict[str, str | int] = {
            "left": max(row.left, 0),
            "total": row.total,
            "renews": str(row.renews_on),
        }
        month = f"{row.month:%Y-%m}"
        personal_notices.tell(row.user_id, PERSONAL[percent], cause=month, facts=facts)


def _agree(kind: Kind, found: Mapping[str, Facts]) -> list[str]:
    return notices.agree(kind, found, most=MOST_AT_ONCE)


def _shares() -> Iterator[Share]:
    """The allowances of this month of which 80 % or more are used, of active people and teams."""
    used = F("reserved") + F("spent")
    rows = Allowance.objects.filter(_in_force(), month__in=_months())
    rows = rows.annotate(used_now=used, total_now=Cast(F("limit") + F("top_up"), FloatField()))
    rows = rows.filter(total_now__gt=0, used_now__gte=F("total_now") * WARNED / 100)
    for row in rows.select_related("user__team", "team").order_by("-id"):
        team = row.user.team if row.user else row.team
        if team and row.month == ledger.month_of(team):
            yield Share(row, USED_UP if row.left <= 0 else WARNED)


def _in_force() -> Q:
    return Q(user__is_active=True) | Q(team__quota__isnull=False)


def _months() -> set[dt.date]:
    """The months that it may be somewhere: on the first and last day of a month there are two."""
    half_a_day = dt.timedelta(hours=14)
    moments = (timezone.now() - half_a_day, timezone.now() + half_a_day)
    return {moment.date().replace(day=1) for moment in moments}


def _budgets(*, of_studio: bool) -> Iterator[tuple[str, Facts]]:
    for each in budgets.standing():
        if (each.owner is None) != of_studio or each.limit <= 0 or each.share * 100 < WARNED:
            continue
        percent = USED_UP if each.share >= 1 else WARNED
        month = f"{each.month:%Y-%m}"
        money = {"used": _money(each.used), "total": _money(each.limit)}
        whose = {"name": str(each.owner)} if each.owner else {}
        cause = f"{each.owner.uuid if each.owner else 'studio'} {month} {percent}"
        yield cause, whose | money | {"share": percent, "month": month}


def _unpriced() -> Iterator[tuple[str, Facts]]:
    for engine, tier in pricing.missing():
        yield f"{engine} {tier}"[:200], {"engine": engine, "tier": tier}


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"
