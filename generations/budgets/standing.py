"""How much of each budget is used, and what providers really took."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from accounts.models import Team
from generations.budgets.months import month_of
from generations.models import Budget, BudgetMonth, PersonMonth
from generations.models.money import to_micros, to_usd


@dataclass(frozen=True)
class Standing:
    """How much of a budget is used this month; amounts in US dollars.

    `owner` is None for the studio. `share` is 1 if all is used, and more beyond. `month` is the
    first day of the month, and `blocks` says whether new runs stop at the limit.
    """

    owner: Team | None
    share: float
    limit: Decimal
    used: Decimal
    month: dt.date
    blocks: bool


def standing() -> list[Standing]:
    """The standing of each budget that has an amount, the studio's first; two queries."""
    budgets = list(Budget.objects.filter(usd__isnull=False).select_related("team"))
    now = {budget.pk: month_of(budget.team) for budget in budgets}
    rows = BudgetMonth.objects.filter(budget__in=now, month__in=set(now.values()))
    found = {row.budget_id: row for row in rows if row.month == now[row.budget_id]}
    ordered = sorted(budgets, key=lambda each: (each.team is not None, str(each.team)))
    return [_standing(each, now[each.pk], found.get(each.pk)) for each in ordered]


def actual_costs(months: Iterable[BudgetMonth]) -> dict[int, Decimal]:
    """What the generations of `months` really cost, by primary key, in US dollars; one query.

    That is the providers' own figures where they name them, and book prices elsewhere, by days of
    teams. What is still being made has no cost yet.
    """
    rows = list(months)
    wanted = {row.month for row in rows}
    if not wanted:
        return {}
    found = PersonMonth.objects.filter(month__in=wanted).order_by()
    sums = found.values_list("team", "month").annotate(Sum("cost_usd"))
    costs = {(team, month): cost for team, month, cost in sums}
    return {row.pk: _cost(row, costs) for row in rows}


def _cost(row: BudgetMonth, costs: dict[tuple[int, dt.date], Decimal]) -> Decimal:
    team = row.budget.team_id
    mine = (
        cost
        for (owner, month), cost in costs.items()
        if month == row.month and team in (None, owner)
    )
    return sum(mine, Decimal(0))


def _standing(budget: Budget, month: dt.date, row: BudgetMonth | None) -> Standing:
    limit = to_micros(budget.usd or Decimal(0))
    used = row.used if row else 0
    share = used / limit if limit else 1.0
    return Standing(budget.team, share, to_usd(limit), to_usd(used), month, budget.blocks)
