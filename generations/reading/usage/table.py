"""The rows behind a usage page, for a spreadsheet."""

from collections.abc import Iterator
from typing import Any

from generations.reading.usage.period import Period
from generations.reading.usage.scope import Scope

MOST_ROWS = 100_000
# Machines read them, so they are not translated.
HEADINGS = (
    "day",
    "team",
    "person",
    "e-mail",
    "campaign",
    "engine",
    "format",
    "credits spent",
    "credits released",
    "images",
    "images downloaded",
    "requests succeeded",
    "requests failed",
    "requests cancelled",
    "cost in USD",
)
_COLUMNS = (
    "day",
    "team__name",
    "user__name",
    "user__email",
    "campaign__name",
    "engine",
    "format",
    "spent",
    "released",
    "images",
    "downloaded",
    "succeeded",
    "failed",
    "cancelled",
    "cost_usd",
)


def rows(scope: Scope, period: Period) -> Iterator[tuple[Any, ...]]:
    """The totals of a period, the oldest day first, at most MOST_ROWS."""
    found = scope.usage(period).order_by("day", "pk")[:MOST_ROWS]
    yield from found.values_list(*_COLUMNS).iterator(chunk_size=2000)
