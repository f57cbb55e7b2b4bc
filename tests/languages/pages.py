"""What pages say in a language that is made up: every message stands between ⟦ and ⟧."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from unittest import mock

from django.utils import translation

from accounts import navigation
from generations.forms import log as log_form
from generations.reading import drawing
from generations.reading.frames.waiting import _ordinal
from generations.reading.log import rows as log_rows
from generations.reading.usage import drawn as usage_drawn

OPEN, CLOSE, SEPARATOR = "⟦⟧␞"
# The messages with which `accounts.phrases` puts texts together.
SEPARATED = {", ": SEPARATOR, "%(first)s %(next)s": f"%(first)s{SEPARATOR}%(next)s"}
# Attributes that browsers or the studio's scripts show to people.
SHOWN = {"alt", "aria-label", "aria-description", "placeholder", "title"}
# Elements that may stand within a message.
INSIDE = re.compile(r"</?(?:strong|b|em|small)\b[^>]*>")
# Attributes with what a script looks for in prompts, in any language.
PATTERNS = {"data-words"}
SILENT = {"script", "style", "code"}
# A sentence, or a mark that needs none.
ENDS_A_SENTENCE = tuple(".:?!…")


@contextmanager
def made_up_language() -> Iterator[None]:
    """Translate each message into itself, between marks, within the block."""

    def one(text):
        return _marked(text)

    def several(one, many, number):
        return _marked(one if number == 1 else many)

    def in_context(context, text):
        return SEPARATED.get(text) or _marked(text)

    def several_in_context(context, one, many, number):
        return several(one, many, number)

    functions = {
        "gettext": one,
        "ngettext": several,
        "pgettext": in_context,
        "npgettext": several_in_context,
    }
    _forget_drawings()
    try:
        with mock.patch.multiple(translation._trans, **functions):
            yield
    finally:
        _forget_drawings()


def _forget_drawings() -> None:
    """Forget what was drawn in another language of the same name."""
    for kept in (
        *(drawing._kept, log_rows._drawn, usage_drawn._row, usage_drawn._chart),
        *(navigation._drawn, log_form._events, _ordinal),
    ):
        kept.cache_clear()


def _marked(text: object) -> str:
    # Django's forms put a colon after a label, by a message of its own.
    return f"{OPEN}{text}{CLOSE}" if text and text != ":" else str(text)


class Texts(HTMLParser):
    """Collects the texts of a page: each node between tags, and each attribute that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in SILENT:
            self._silent.append(tag)
        self.found += [
            value
            for name, value in attrs
            if value and (name in SHOWN or (name.startswith("data-") and " " in value))
            if name not in PATTERNS
        ]

    def handle_endtag(self, tag):
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data):
        if not self._silent and data.strip():
            self.found.append(" ".join(data.split()))


def texts_of(html: str) -> list[str]:
    texts = Texts()
    texts.feed(INSIDE.sub("", html))
    return texts.found


def outside(text: str) -> str:
    """What of a text stands outside of all marks."""
    return "".join(piece for piece, depth in _pieces(text) if depth == 0)


def is_glued(text: str) -> bool:
    """Whether messages that are no whole sentences stand side by side, with nothing between them.

    A dot in the middle or a bar separates what belongs to no sentence.
    """
    return any(map(_is_glued, re.split(f"{SEPARATOR}| · | [|] ", text)))


def _is_glued(text: str) -> bool:
    outer: list[str] = []
    before = 0
    for piece, depth in _pieces(text):
        if depth and not before:
            outer.append("")
        if depth:
            outer[-1] += piece
        before = depth
    return any(not each.strip().endswith(ENDS_A_SENTENCE) for each in outer[:-1])


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    """The pieces of a text between the marks, each with the number of marks that are open."""
    depth = 0
    for piece in re.split(f"([{OPEN}{CLOSE}])", text):
        if piece == OPEN:
            depth += 1
        elif piece == CLOSE:
            depth = max(depth - 1, 0)
            yield "", depth
        elif piece:
            yield piece, depth
