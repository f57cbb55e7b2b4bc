"""Budgets in US dollars, for the studio and for teams, by month.

The cost of a run at book price is reserved in the transaction that makes its generations, by a
conditional UPDATE as for credits, and resolved once, when a generation first ends: the cost of the
images that arrived is spent, the rest released. What providers bill is shown beside it and stops
nothing. Who is over a budget that does not block goes on; `standing` says so.
"""

from generations.budgets.errors import BudgetUsedUp
from generations.budgets.months import follow, month_of
from generations.budgets.proof import BudgetDrift, reconcile
from generations.budgets.reserving import Months, months_of, settle, shortfall
from generations.budgets.standing import Standing, actual_costs, standing

__all__ = [
    "BudgetDrift",
    "BudgetUsedUp",
    "Months",
    "Standing",
    "actual_costs",
    "follow",
    "month_of",
    "months_of",
    "reconcile",
    "settle",
    "shortfall",
    "standing",
]
