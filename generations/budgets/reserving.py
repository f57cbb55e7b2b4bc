"""The cost of generations: reserved before a provider is called, and resolved once."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F

from accounts.models import Team
from generations.budgets.errors import BudgetUsedUp
from generations.budgets.months import budgets_of, month_of, open_month, unopened_month
from generations.models import Budget, BudgetMonth, Generation
from generations.models.money import to_usd


@dataclass(frozen=True)
class Months:
    """This month of each budget that pays for a run, in the order in which they are locked."""

    rows: Sequence[BudgetMonth]

    def put_on(self, generations: Sequence[Generation]) -> None:
        """Note on new generations in which months they are reserved."""
        for month in self.rows:
            column = "team_budget" if month.budget.team_id else "studio_budget"
            for generation in generations:
                setattr(generation, column, month)

    def reserve(self, generations: Sequence[Generation]) -> None:
        """Reserve what the generations cost at book price.

        Raises BudgetUsedUp if a budget blocks and does not cover it. The caller's transaction then
        has to be rolled back.
        """
        cost = sum(row.wanted * row.image_micros for row in generations)
        for month in self.rows:
            if not _reserve_in(month, cost):
                month.refresh_from_db(fields=["limit", "before", "reserved", "spent"])
                raise BudgetUsedUp(month, to_usd(cost))


def months_of(team: Team) -> Months:
    """The months of budgets in which a run of `team` is reserved now. They are opened if needed."""
    budgets = list(budgets_of(team))
    if not budgets:
        return Months(())
    found = {row.budget_id: row for row in _months_now(budgets)}
    rows = []
    for budget in budgets:
        month = found.get(budget.pk) or open_month(budget)
        month.budget = budget
        rows.append(month)
    return Months(sorted(rows, key=lambda row: row.pk))


def shortfall(team: Team, cost: int) -> BudgetUsedUp | None:
    """What `reserve` would raise now for a run of `team`; `cost` is in millionths of a US dollar.

    Reserves nothing and opens no month.
    """
    budgets = list(budgets_of(team).filter(blocks=True))
    found = {row.budget_id: row for row in _months_now(budgets)} if budgets else {}
    for budget in budgets:
        month = found.get(budget.pk) or unopened_month(budget)
        month.budget = budget
        if month.limit < month.used + cost:
            return BudgetUsedUp(month, to_usd(cost))
    return None


def settle(generation: Generation, images: int) -> None:
    """Resolve the reservation of a generation that has ended, for so many images.

    Never spends more than was reserved, and nothing if it was resolved before.
    """
    months = sorted(filter(None, (generation.team_budget_id, generation.studio_budget_id)))
    if not months:
        return
    images = min(max(images, 0), generation.wanted)
    unresolved = Generation.objects.filter(pk=generation.pk, charged__isnull=True)
    if not unresolved.update(charged=images):
        return
    each = generation.image_micros
    for month in months:
        BudgetMonth.objects.filter(pk=month).update(
            reserved=F("reserved") - generation.wanted * each, spent=F("spent") + images * each
        )


def _months_now(budgets: Sequence[Budget]) -> list[BudgetMonth]:
    """Those months of `budgets` that are open already. Time zones may differ in which it is."""
    now = {budget.pk: month_of(budget.team) for budget in budgets}
    rows = BudgetMonth.objects.filter(budget__in=now, month__in=set(now.values()))
    return [row for row in rows if row.month == now[row.budget_id]]


def _reserve_in(month: BudgetMonth, cost: int) -> bool:
    row = BudgetMonth.objects.filter(pk=month.pk)
    if month.budget.blocks:
        row = row.filter(limit__gte=F("before") + F("reserved") + F("spent") + cost)
    return bool(row.update(reserved=F("reserved") + cost))
