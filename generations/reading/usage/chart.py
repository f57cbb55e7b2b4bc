"""Credits as stacked bars, by day or week: numbers for an SVG, and the same as a table."""

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Q, Sum, Value, When
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from generations.reading.usage.groups import DIMENSIONS, Group
from generations.reading.usage.period import Period
from generations.reading.usage.scope import Scope

SERIES = 4  # colours; what spent least is one more series, `rest`
# In units of the drawing.
WIDTH, LEFT, TOP, BOTTOM = 760, 40, 12, 232
LINES, LABELS = 3, 6
# A longer period has a bar for each week: bars of days would be too thin to point at.
MOST_BARS = 92


@dataclass(frozen=True)
class Bar:
    """A day, or a week from Monday on: what each series and all of them spent.

    `x` is where the bar begins, in units of the drawing. `title` is its tool tip.
    """

    name: str
    credits: list[int]
    total: int
    x: float
    title: str


@dataclass(frozen=True)
class Area:
    """The parts of all bars that have one colour, as one path. `colour` is 1 to 5."""

    colour: int
    path: str


@dataclass(frozen=True)
class Tick:
    """A number or day beside the drawing."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Bars with their key, ticks and table. `names` are those of the series, the largest first.

    `bars` are those in which something was spent, and `width` is that of each.
    """

    names: list[str]
    is_by_week: bool
    bars: list[Bar]
    width: float
    areas: list[Area]
    heights: list[Tick]
    days: list[Tick]

    @property
    def key(self) -> list[tuple[int, str]]:
        return list(enumerate(self.names, 1))


def chart(scope: Scope, period: Period, dimension: str, groups: Sequence[Group]) -> Chart:
    """Credits that were spent in a period, by the `groups` of a dimension, the largest first."""
    starts = _starts(period)
    spending = [group for group in groups if group.sums.spent]
    largest, has_rest = spending[:SERIES], len(spending) > SERIES
    spent = _spent(scope, period, DIMENSIONS[dimension][0], [group.key for group in largest])
    shown = [group.name for group in largest] + ([_("All others")] if has_rest else [])
    each = (WIDTH - LEFT) / len(starts)
    bars = []
    for number, start in enumerate(starts):
        if found := spent.get(start):
            x = round(LEFT + number * each + each * 0.12, 1)
            credits = [found[number] for number in range(len(shown))]
            bars.append(_bar(start, credits, shown, x))
    top, width = _round_up(max((bar.total for bar in bars), default=0)), round(each * 0.76, 1)
    areas = list(_areas(bars, width, len(shown), top))
    is_by_week = period.days > MOST_BARS
    return Chart(shown, is_by_week, bars, width, areas, _heights(top), _days(starts))


def _starts(period: Period) -> list[dt.date]:
    """The first day of each bar."""
    return sorted({_start(day, period) for day in period})


def _start(day: dt.date, period: Period) -> dt.date:
    """The first day of the bar that holds `day`. The first week may be cut by the period."""
    if period.days <= MOST_BARS:
        return day
    return max(day - dt.timedelta(days=day.weekday()), period.first)


def _spent(
    scope: Scope, period: Period, column: str, largest: Sequence[Any]
) -> dict[dt.date, Counter[int]]:
    """Credits by bar and series: the number of a key in `largest`, or the one after the last.

    The database adds up the others, so that it returns a few rows a day, however many there are.
    """
    cases = [When(Q(**{column: key}), then=Value(number)) for number, key in enumerate(largest)]
    series = Case(*cases, default=Value(len(largest)))
    rows = scope.usage(period).filter(spent__gt=0).annotate(series=series)
    start_of = {day: _start(day, period) for day in period}
    spent: dict[dt.date, Counter[int]] = defaultdict(Counter)
    for day, number, credits in rows.values_list("day", "series").annotate(credits=Sum("spent")):
        spent[start_of[day]][number] += credits
    return spent


def _bar(start: dt.date, credits: list[int], names: Sequence[str], x: float) -> Bar:
    name = date_format(start, "SHORT_DATE_FORMAT")
    parts = (f"{series}: {each}" for series, each in zip(names, credits, strict=True) if each)
    return Bar(name, credits, sum(credits), x, "\n".join((name, *parts)))


def _round_up(most: int) -> int:
    """The number at the top of the drawing: the next 1, 2 or 5 with zeros, times three lines."""
    least = max(most, LINES) / LINES
    power = 10 ** math.floor(math.log10(least))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= least)
    return int(step * LINES)


def _areas(bars: Iterable[Bar], width: float, series: int, top: int) -> Iterator[Area]:
    """One path for each series, of rectangles that stand on those of the series before."""
    unit = (BOTTOM - TOP) / top
    under = {bar.x: float(BOTTOM) for bar in bars}
    for number in range(series):
        parts = []
        for bar in bars:
            height = bar.credits[number] * unit
            under[bar.x] -= height
            parts.append(f"M{bar.x} {under[bar.x]:.1f}h{width}v{height:.1f}h-{width}z")
        yield Area(number + 1, "".join(parts))


def _heights(top: int) -> list[Tick]:
    return [
        Tick(round(BOTTOM - (BOTTOM - TOP) * line / LINES, 1), str(top * line // LINES))
        for line in range(LINES + 1)
    ]


def _days(starts: Sequence[dt.date]) -> list[Tick]:
    """A few days in words, under the middle of their bars."""
    each, apart = (WIDTH - LEFT) / len(starts), max(1, math.ceil(len(starts) / LABELS))
    return [
        Tick(round(LEFT + (number + 0.5) * each, 1), date_format(day, "SHORT_MONTH_DAY_FORMAT"))
        for number, day in enumerate(starts)
        if number % apart == 0
    ]
