"""Everything that a usage page shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts import ledger
from accounts.models import User
from generations.models import Generation
from generations.reading.usage import period as periods
from generations.reading.usage.chart import Chart, chart
from generations.reading.usage.figures import (
    Sums,
    Waits,
    added,
    change,
    spent_and_images,
    waits,
)
from generations.reading.usage.groups import DIMENSIONS, Group, tables
from generations.reading.usage.period import Period, period_asked
from generations.reading.usage.scope import Scope, scope_of
from generations.reading.usage.teams import TeamLine, team_lines
from generations.states import OPEN, Status
from generations.usage import day_of

MOST_COUNTED = 1000


@dataclass(frozen=True)
class UsagePage:
    """A period in numbers. Shares are from 0 to 1; None where there is nothing to divide."""

    period: Period
    problem: str
    scope: Scope
    by: str
    now: Sums
    spent_change: float | None
    images_change: float | None
    waits: Waits
    chart: Chart
    tables: list[tuple[str, Any, list[Group]]]
    teams: list[TeamLine]
    waiting: int
    unknown: int
    cap: Any
    presets: list[tuple[str, Period]]
    is_complete: bool


def usage_page(reader: User, given: Mapping[str, str]) -> UsagePage:
    """The page that `reader` asks for with the parameters `from`, `to`, `team` and `by`."""
    today = day_of(reader.team)
    period, problem = period_asked(given, today)
    scope = scope_of(reader, given)
    by = given.get("by", "")
    by = by if by in DIMENSIONS else "engine"
    found = tables(scope, period, reader=reader)
    now = added(group.sums for group in found["format"])  # the shortest table
    spent_before, images_before = spent_and_images(scope, period.before)
    return UsagePage(
        period=period,
        problem=problem,
        scope=scope,
        by=by,
        now=now,
        spent_change=change(now.spent, spent_before),
        images_change=change(now.images, images_before),
        waits=waits(scope, period),
        chart=chart(scope, period, by, found[by]),
        tables=[(name, each.label, found[name]) for name, each in DIMENSIONS.items()],
        teams=team_lines(reader, scope),
        waiting=sum(_counted(scope, status) for status in OPEN),
        unknown=_counted(scope, Status.UNKNOWN),
        cap=ledger.allowance_of(scope.team) if scope.team else None,
        presets=periods.presets(today),
        is_complete=not Generation.objects.filter(day__isnull=True).exists(),
    )


def _counted(scope: Scope, status: Status) -> int:
    """How many generations have this status now, at most MOST_COUNTED."""
    rows = Generation.objects.filter(status=status).order_by()
    if scope.team:
        rows = rows.filter(run__team=scope.team)
    return rows[:MOST_COUNTED].count()
