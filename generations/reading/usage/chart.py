"""Credits per day as stacked bars: numbers for an SVG, and the same as a table."""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from generations.reading.usage.groups import DIMENSIONS
from generations.reading.usage.period import Period
from generations.reading.usage.scope import Scope

SERIES = 4  # colours; what spent least is one more series, `rest`
# In units of the drawing.
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 262, 40, 12, 232
LINES, LABELS = 3, 6


@dataclass(frozen=True)
class Bar:
    """One part of a day's bar, in units of the drawing. `colour` is 1 to 5."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    title: str


@dataclass(frozen=True)
class Tick:
    """A number or day beside the drawing."""

    at: float
    text: str


@dataclass(frozen=True)
class Day:
    """A row of the table: the day, and the credits of each series."""

    day: dt.date
    credits: list[int]
    total: int


@dataclass(frozen=True)
class Chart:
    """Bars with their key, ticks and table. `names` are those of the series, the largest first."""

    names: list[str]
    bars: list[Bar]
    heights: list[Tick]
    days: list[Tick]
    table: list[Day]

    @property
    def key(self) -> list[tuple[int, str]]:
        return list(enumerate(self.names, 1))


def chart(scope: Scope, period: Period, dimension: str) -> Chart:
    """Credits that were spent on each day of a period, by a dimension of `groups`."""
    spent, order = _spent(scope, period, dimension)
    largest, rest = order[:SERIES], order[SERIES:]
    names = DIMENSIONS[dimension][2](largest)
    shown = [names.get(key, "?") for key in largest] + ([_("All others")] if rest else [])
    table = [_day(day, spent.get(day, {}), largest, rest) for day in period]
    top = _round_up(max(day.total for day in table))
    return Chart(shown, _bars(table, shown, top), _heights(top), _days(period), table)


def _spent(
    scope: Scope, period: Period, dimension: str
) -> tuple[dict[dt.date, dict[Any, int]], list[Any]]:
    """Credits by day and group, and the groups, the largest first."""
    column = DIMENSIONS[dimension][0]
    spent: dict[dt.date, dict[Any, int]] = defaultdict(dict)
    totals: dict[Any, int] = defaultdict(int)
    rows = scope.usage(period).values_list("day", column).annotate(credits=Sum("spent"))
    for day, key, credits in rows:
        spent[day][key] = credits
        totals[key] += credits
    return spent, sorted(totals, key=lambda key: (-totals[key], str(key)))


def _day(day: dt.date, spent: dict[Any, int], largest: Sequence[Any], rest: Sequence[Any]) -> Day:
    credits = [spent.get(key, 0) for key in largest]
    if rest:
        credits.append(sum(spent.get(key, 0) for key in rest))
    return Day(day, credits, sum(credits))


def _round_up(most: int) -> int:
    """The number at the top of the drawing: the next 1, 2 or 5 with zeros, times three lines."""
    least = max(most, LINES) / LINES
    power = 10 ** math.floor(math.log10(least))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= least)
    return int(step * LINES)


def _bars(table: Sequence[Day], names: Sequence[str], top: int) -> list[Bar]:
    each = (WIDTH - LEFT) / len(table)
    bars = []
    for number, day in enumerate(table):
        y = float(BOTTOM)
        for series, credits in enumerate(day.credits):
            height = credits * (BOTTOM - TOP) / top
            if not credits:
                continue
            y -= height
            bars.append(
                Bar(
                    x=round(LEFT + number * each + each * 0.12, 1),
                    y=round(y, 1),
                    width=round(each * 0.76, 1),
                    height=round(height, 1),
                    colour=series + 1,
                    title=_("%(day)s, %(name)s: %(credits)s")
                    % {
                        "day": date_format(day.day, "MONTH_DAY_FORMAT"),
                        "name": names[series],
                        "credits": credits,
                    },
                )
            )
    return bars


def _heights(top: int) -> list[Tick]:
    return [
        Tick(round(BOTTOM - (BOTTOM - TOP) * line / LINES, 1), str(top * line // LINES))
        for line in range(LINES + 1)
    ]


def _days(period: Period) -> list[Tick]:
    """A few days in words, under the middle of their bars."""
    each, apart = (WIDTH - LEFT) / period.days, max(1, math.ceil(period.days / LABELS))
    return [
        Tick(round(LEFT + (number + 0.5) * each, 1), date_format(day, "SHORT_MONTH_DAY_FORMAT"))
        for number, day in enumerate(period)
        if number % apart == 0
    ]
