"""Credits as stacked bars, by day or month: numbers for an SVG, and the same as a table."""

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Q, Sum, Value, When
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from generations.models import UsageDay
from generations.reading.usage.groups import DIMENSIONS, Dimension, Group
from generations.reading.usage.period import Period, month
from generations.reading.usage.scope import Scope

SERIES = 4  # colours; what spent least is one more series, `rest`
# In units of the drawing.
WIDTH, LEFT, TOP, BOTTOM = 760, 52, 12, 232
LINES, LABELS = 3, 6
# A longer period has a bar for each month: bars of days would be too thin to point at.
MOST_BARS = 92


@dataclass(frozen=True)
class Bar:
    """A day, or what lies of a month in the period: what each series and all of them spent.

    `x` is where the bar begins, in units of the drawing. `title` is its tool tip.
    """

    name: str
    credits: tuple[int, ...]
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

    names: tuple[str, ...]
    is_by_month: bool
    bars: tuple[Bar, ...]
    width: float
    areas: tuple[Area, ...]
    heights: tuple[Tick, ...]
    days: tuple[Tick, ...]

    @property
    def key(self) -> list[tuple[int, str]]:
        return list(enumerate(self.names, 1))


def chart(scope: Scope, period: Period, dimension: str, groups: Sequence[Group]) -> Chart:
    """Credits that were spent in a period, by the `groups` of a dimension, the largest first."""
    is_by_month = period.days > MOST_BARS
    spans = period.months if is_by_month else [Period(day, day) for day in period]
    spending = [group for group in groups if group.sums.spent]
    largest, has_rest = spending[:SERIES], len(spending) > SERIES
    spent = _spent(scope, period, spans, DIMENSIONS[dimension], [group.key for group in largest])
    shown = [group.name for group in largest] + ([_("All others")] if has_rest else [])
    each = (WIDTH - LEFT) / len(spans)
    bars = []
    for number, span in enumerate(spans):
        if found := spent.get(span.first):
            x = round(LEFT + number * each + each * 0.12, 1)
            credits = tuple(found[number] for number in range(len(shown)))
            bars.append(_bar(span, credits, shown, x))
    top, width = _round_up(max((bar.total for bar in bars), default=0)), round(each * 0.76, 1)
    return Chart(
        names=tuple(shown),
        is_by_month=is_by_month,
        bars=tuple(bars),
        width=width,
        areas=tuple(_areas(bars, width, len(shown), top)),
        heights=tuple(_heights(top)),
        days=tuple(
            _ticks(spans, "SHORT_MONTH_FORMAT" if is_by_month else "SHORT_MONTH_DAY_FORMAT")
        ),
    )


def _spent(
    scope: Scope,
    period: Period,
    spans: Iterable[Period],
    dimension: Dimension,
    largest: Sequence[Any],
) -> dict[dt.date, Counter[int]]:
    """Credits by the first day of a span and by series: the number of a key in `largest`, or the
    one after the last.

    The database adds up the others, so that it returns a few rows a span, however many there are.
    """
    cases = [
        When(Q(**{dimension.column: key}), then=Value(number)) for number, key in enumerate(largest)
    ]
    series = Case(*cases, default=Value(len(largest)))
    start_of = {day: span.first for span in spans for day in span}
    is_by_month = period.days > MOST_BARS
    parts = scope.parts(period, dimension.months) if is_by_month else [scope.usage(period)]
    spent: dict[dt.date, Counter[int]] = defaultdict(Counter)
    for rows in parts:
        when = "day" if rows.model is UsageDay else "month"
        found = rows.filter(spent__gt=0).annotate(series=series).values_list(when, "series")
        for day, number, credits in found.annotate(credits=Sum("spent")):
            spent[start_of[day]][number] += credits
    return spent


def _bar(span: Period, credits: tuple[int, ...], names: Sequence[str], x: float) -> Bar:
    name = _named(span)
    parts = (f"{series}: {each}" for series, each in zip(names, credits, strict=True) if each)
    return Bar(name, credits, sum(credits), x, "\n".join((name, *parts)))


def _named(span: Period) -> str:
    """A day, a month, or the days of a month that is cut."""
    first, last = (date_format(day, "SHORT_DATE_FORMAT") for day in (span.first, span.last))
    if span.days == 1:
        return first
    if span == month(span.first):
        return date_format(span.first, "YEAR_MONTH_FORMAT")
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


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


def _heights(top: int) -> Iterator[Tick]:
    for line in range(LINES + 1):
        at = round(BOTTOM - (BOTTOM - TOP) * line / LINES, 1)
        yield Tick(at, number_format(top * line // LINES, force_grouping=True))


def _ticks(spans: Sequence[Period], words: str) -> Iterator[Tick]:
    """A few days or months in words, under the middle of their bars."""
    each, apart = (WIDTH - LEFT) / len(spans), max(1, math.ceil(len(spans) / LABELS))
    for number in range(0, len(spans), apart):
        at = round(LEFT + (number + 0.5) * each, 1)
        yield Tick(at, date_format(spans[number].first, words))
