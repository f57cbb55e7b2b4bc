"""Sentences that are stored when they are found, and read later by people of any language.

They are stored in English, so that the log and its exports are the same for everybody, and put into
the reader's language when they are shown. A sentence that holds values is recognised by its
pattern, which is declared at import.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from django.utils import translation
from django.utils.functional import Promise

_PLACEHOLDER = re.compile(r"%\((?P<named>\w+)\)[sd]|\{(?P<formatted>\w+)\}")
_declared: list[Promise] = []


def pattern(sentence: Promise) -> Promise:
    """Declare a lazy sentence with placeholders of which filled ones are stored; returns it.

    Of two that fit a text, the one that was declared first counts.
    """
    _declared.append(sentence)
    return sentence


@contextmanager
def in_english() -> Iterator[None]:
    """Make sentences within the block that are to be stored."""
    with translation.override("en"):
        yield


def read(text: str) -> str:
    """A stored text in the reader's language, paragraph by paragraph; as it is if it is unknown."""
    return "\n\n".join(map(_read, text.split("\n\n")))


def _read(sentence: str) -> str:
    told = translation.gettext(sentence) if sentence else ""
    if told != sentence:
        return told
    for message, form in _forms(len(_declared)):
        if found := form.fullmatch(sentence):
            return _filled(message, found.groupdict())
    return sentence


def _filled(message: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda it: _read(values[_name(it)]), translation.gettext(message))


@cache
def _forms(declared: int) -> list[tuple[str, re.Pattern[str]]]:
    """Each declared message with the form of its filled sentences; `declared` is their number."""
    with translation.override(None):
        messages = [str(each) for each in _declared]
    return [(message, _form(message)) for message in messages]


def _form(message: str) -> re.Pattern[str]:
    pieces, end = [], 0
    for found in _PLACEHOLDER.finditer(message):
        pieces += [re.escape(message[end : found.start()]), f"(?P<{_name(found)}>.+?)"]
        end = found.end()
    return re.compile("".join([*pieces, re.escape(message[end:])]), re.DOTALL)


def _name(placeholder: re.Match[str]) -> str:
    return placeholder["named"] or placeholder["formatted"]
