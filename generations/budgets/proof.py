"""The proof that each month of a budget equals the sums of the generations that name it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from generations.models import BudgetMonth, Generation, Price
from generations.models.money import to_micros
from generations.states import ENDED

COLUMNS = ("team_budget", "studio_budget")


@dataclass(frozen=True)
class BudgetDrift:
    """A month of a budget that its generations do not explain.

    `columns` and `sums` hold `reserved` and `spent`, in millionths of a US dollar. `unresolved`
    counts generations that have ended and are still reserved, `early` those that were settled
    before they ended.
    """

    month: BudgetMonth
    columns: Mapping[str, int]
    sums: Mapping[str, int]
    unresolved: int = 0
    early: int = 0


def reconcile(months: Iterable[BudgetMonth] | None = None) -> list[BudgetDrift]:
    """Compare months of budgets (default: all) with their generations.

    An empty list proves that all agree. It reads each generation that has a budget, in two queries.
    """
    rows = list(BudgetMonth.objects.select_related("budget__team") if months is None else months)
    sums: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_NAMES, 0))
    for column in COLUMNS:
        _add_up(column, [row.pk for row in rows], sums)
    return [drift for row in rows if (drift := _drift(row, sums[row.pk]))]


_NAMES = ("reserved", "spent", "unresolved", "early")
_IS_OVER = Q(status__in=sorted(ENDED)) | Q(came_late=True)
_IS_OPEN = Q(charged__isnull=True)


def _add_up(column: str, months: list[int], sums: dict[int, dict[str, int]]) -> None:
    groups = (
        Generation.objects.filter(**{f"{column}__in": months})
        .order_by()
        .values(column, "price", "references")
        .annotate(
            held=Sum("wanted", filter=_IS_OPEN, default=0),
            paid=Sum("charged", default=0),
            unresolved=Count("pk", filter=_IS_OPEN & _IS_OVER),
            early=Count("pk", filter=~_IS_OPEN & ~_IS_OVER),
        )
    )
    rows = list(groups)
    prices = Price.objects.in_bulk({row["price"] for row in rows})
    for row in rows:
        each = to_micros(prices[row["price"]].usd_of_image(row["references"]))
        total = sums[row[column]]
        total["reserved"] += row["held"] * each
        total["spent"] += row["paid"] * each
        total["unresolved"] += row["unresolved"]
        total["early"] += row["early"]


def _drift(month: BudgetMonth, total: dict[str, int]) -> BudgetDrift | None:
    columns = {"reserved": month.reserved, "spent": month.spent}
    sums = {name: total[name] for name in columns}
    if columns == sums and not total["unresolved"] and not total["early"]:
        return None
    return BudgetDrift(month, columns, sums, total["unresolved"], total["early"])
