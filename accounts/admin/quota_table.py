"""Quotas of people as a table (CSV): how it is written, and how one that comes in is read."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import csv_files
from accounts.admin import usage
from accounts.csv_files import InvalidTable
from accounts.evidence.tables import ENCODING, FORMULA, cell
from accounts.models import User
from accounts.phrases import listed

# Machines read them, so they are not translated.
HEADINGS = ("email", "name", "team", "quota", "limit", "topped_up", "used", "left", "origin")
READ = ("email", "quota", "top_up", "ends_on", "reason")
MOST_LINES = 5_000
MOST_BYTES = 1_000_000
LONGEST_CELL = 500
# In the place of a number: the person's own quota is removed.
DEFAULT = "default"


@dataclass(frozen=True)
class Line:
    """One line of a table as it was written. `problem` is a sentence, or empty."""

    number: int
    email: str = ""
    quota: str = ""
    top_up: str = ""
    ends_on: str = ""
    reason: str = ""
    problem: str = ""


def written(people: QuerySet[User]) -> Iterator[bytes]:
    """The table of `people` (with `usage.with_allowance`), line by line, safe from formulas."""
    yield _line(HEADINGS).encode(ENCODING)
    for person in people.iterator(chunk_size=500):
        yield _line(_cells(person)).encode()


def text_of(data: bytes) -> str:
    """The text of a file. Raises InvalidTable for one that is too large or has another encoding."""
    return csv_files.text_of(data, most_bytes=MOST_BYTES)


def lines_of(text: str) -> list[Line]:
    """The lines below the heading. Raises InvalidTable if the table as a whole makes no sense."""
    rows = csv_files.rows_of(text.removeprefix("\ufeff"))
    _number, heading = next(rows, (0, []))
    columns = _columns(heading)
    lines: list[Line] = []
    for number, cells in rows:
        if not any(cells):
            continue
        if len(lines) == MOST_LINES:
            message = _("The file has more than %(most)d people. Import them in several files.")
            raise InvalidTable(message % {"most": MOST_LINES})
        lines.append(_read(number, cells, columns))
    if not lines:
        raise InvalidTable(_("The file has no line below its heading."))
    return lines


def _columns(heading: Sequence[str]) -> list[str]:
    columns = [name.lower() for name in heading]
    if "email" not in columns or not {"quota", "top_up"} & set(columns):
        raise InvalidTable(_("The first line must name the columns: email, and quota or top_up."))
    unknown = [name for name in columns if name not in (*READ, *HEADINGS)]
    if unknown:
        message = _("Unknown columns: %(unknown)s. Those that are read: %(known)s.")
        shown = [name[:40] or "“”" for name in unknown[:5]]
        raise InvalidTable(message % {"unknown": listed(*shown), "known": listed(*READ)})
    if len(set(columns)) < len(columns):
        raise InvalidTable(_("The first line names a column twice."))
    return columns


def _read(number: int, cells: Sequence[str], columns: Sequence[str]) -> Line:
    if len(cells) != len(columns):
        problem = _("It has %(cells)d cells, and the heading has %(columns)d.")
        numbers = {"cells": len(cells), "columns": len(columns)}
        return Line(number, problem=problem % numbers)
    if any(len(text) > LONGEST_CELL for text in cells):
        return Line(number, problem=_("A cell is too long."))
    pairs = zip(columns, cells, strict=True)
    values: dict[str, Any] = {name: text for name, text in pairs if name in READ}
    values["email"] = _unquoted(values["email"])
    return Line(number, **values)


def _unquoted(text: str) -> str:
    """The text without the ' by which an export keeps it from being a formula."""
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text


def _cells(person: Any) -> list[object]:
    return [
        person.email,
        person.name,
        person.team,
        "" if person.quota is None else person.quota,
        usage.limit(person),
        usage.top_up(person),
        usage.used(person),
        # A number below zero would look like a formula.
        max(usage.credits_left(person), 0),
        usage.origin_of(person),
    ]


def _line(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(map(cell, values))
    return text.getvalue()
