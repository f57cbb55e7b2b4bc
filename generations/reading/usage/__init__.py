"""The pages about what teams use: of a period, compared with the one before."""

from generations.reading.usage.drawn import chart_of, rows_of
from generations.reading.usage.page import UsagePage, usage_page
from generations.reading.usage.period import Period, period_asked
from generations.reading.usage.scope import Scope, scope_of
from generations.reading.usage.table import HEADINGS, MOST_ROWS, rows

__all__ = [
    "HEADINGS",
    "MOST_ROWS",
    "Period",
    "Scope",
    "UsagePage",
    "chart_of",
    "period_asked",
    "rows",
    "rows_of",
    "scope_of",
    "usage_page",
]
