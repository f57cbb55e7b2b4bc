"""The lines of tables and the chart as HTML, which is most of the page. Each is drawn once.

See `reading.drawing`.
"""

from collections.abc import Iterable
from functools import lru_cache

from django.template import loader
from django.utils.safestring import SafeString

from generations.reading import drawing
from generations.reading.usage.chart import Chart
from generations.reading.usage.groups import Group

ROW, CHART = "generations/_usage_row.html", "generations/_usage_chart.html"
# Some 30,000 characters each.
MOST_CHARTS = 50


def rows_of(groups: Iterable[Group]) -> list[SafeString]:
    around = drawing.surroundings()
    return [_row(group, around) for group in groups]


def chart_of(chart: Chart) -> SafeString:
    return _chart(chart, drawing.surroundings())


@lru_cache(maxsize=drawing.MOST_KEPT)
def _row(group: Group, around: tuple[object, ...]) -> SafeString:
    return loader.render_to_string(ROW, {"group": group})


@lru_cache(maxsize=MOST_CHARTS)
def _chart(chart: Chart, around: tuple[object, ...]) -> SafeString:
    return loader.render_to_string(CHART, {"chart": chart})
