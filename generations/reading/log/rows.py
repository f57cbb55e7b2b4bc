"""The lines of the list as HTML, which is much of its page. Each is drawn once and kept.

A record never changes. What a line shows besides it, such as the outcome of a run, is in the key.
See `reading.drawing`.
"""

from collections.abc import Iterable
from functools import lru_cache

from django.template import loader
from django.utils.safestring import SafeString

from generations.reading import drawing
from generations.reading.log.lines import Line

TEMPLATE = "generations/_log_line.html"


def rows_of(lines: Iterable[Line]) -> list[SafeString]:
    around = drawing.surroundings()
    return [_drawn(line, around) for line in lines]


@lru_cache(maxsize=drawing.MOST_KEPT)
def _drawn(line: Line, around: tuple[object, ...]) -> SafeString:
    return loader.render_to_string(TEMPLATE, {"line": line})
