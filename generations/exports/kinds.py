"""What a kind of export is: its formats, who may have it, and how it is written.

To add a kind, declare it in a module of this package and add it to `registry`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.utils.functional import Promise

from generations.models import Export


class CannotMake(Exception):
    """The export can't be made, and trying again would not help. The text says why, for people."""


class Step(NamedTuple):
    """How far an export has come, in what its kind counts; `total` is None until it is known."""

    done: int
    total: int | None = None


# Yields steps, a few each second, and returns the facts for the record `export:made`.
Making = Generator[Step, None, dict[str, Any]]


@dataclass(frozen=True)
class Format:
    """A format that a kind offers; `note` says what it is good for."""

    name: str
    label: str | Promise
    note: str | Promise
    extension: str
    mime_type: str


@dataclass(frozen=True)
class Kind:
    """A kind of export.

    `make` writes the file to a path where none is yet. It may raise anything: CannotMake ends the
    export, another error starts it anew. `may_have` says whether the person may have it now.
    `in_words` describes what is in it; `file_name` names the file, without the extension.
    """

    name: str
    label: str | Promise
    formats: tuple[Format, ...]
    make: Callable[[Export, Path], Making]
    may_have: Callable[[Export], bool]
    in_words: Callable[[Export], str]
    file_name: Callable[[Export], str]

    def format(self, name: str) -> Format:
        """Raises KeyError for a format that the kind does not offer."""
        return {each.name: each for each in self.formats}[name]
