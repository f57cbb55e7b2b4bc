"""The price book as a table (CSV), written and read.

A spreadsheet may have put a byte order mark before it, semicolons between the cells, and a comma in
the place of the decimal point; all are read.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import islice, zip_longest
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import csv_files
from accounts.evidence.tables import cell
from accounts.phrases import listed
from generations.pricing.book import Line, Offer
from generations.pricing.changing import FIGURES, NewPrice

# Machines read them, so they are not translated.
COLUMNS = ("engine", "tier", *FIGURES, "valid_from")
NEEDED = COLUMNS[:4]
MOST_BYTES = 256_000
MOST_LINES = 1_000
MOST_PROBLEMS = 20
WHOLE = ("credits", "free_references")
NUMBER = re.compile(r"\d{1,12}([.,]\d{1,12})?")


class BadSheet(Exception):
    """A table that can't be read; `problems` are sentences that name the lines."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(*problems)
        self.problems = list(problems)


def written(lines: Sequence[Line]) -> Iterator[str]:
    """The prices in force, line by line."""
    yield "\ufeff" + _row(COLUMNS)  # without it, spreadsheets misread names
    for line in lines:
        if line.price:
            figures = [f"{getattr(line.price, name):f}" for name in FIGURES]
            moment = line.price.valid_from.astimezone(dt.UTC).isoformat()
            yield _row((line.engine, line.tier, *figures, moment))


def read(content: bytes, lines: Sequence[Line]) -> list[NewPrice]:
    """The prices of a table. `lines` is the book, which says what there is to price.

    A cell `valid_from` that is empty, or that of the price in force, means from now on. Raises
    BadSheet if any line is wrong; it names the first ones.
    """
    rows = _rows(content)
    known = {(line.engine, line.tier): line for line in lines}
    new: dict[Offer, NewPrice] = {}
    problems: list[str] = []
    for number, row in rows:
        try:
            price = _new_price(row, known)
            if price.offer in new:
                raise ValueError(_("This engine and tier stand in an earlier line."))
            new[price.offer] = price
        except ValueError as error:
            problems.append(_("Line %(line)d: %(why)s") % {"line": number, "why": error})
    if problems:
        raise BadSheet(_shortened(problems))
    return list(new.values())


def _row(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cell(each) for each in cells)
    return text.getvalue()


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """The filled lines with their numbers in the file."""
    try:
        text = csv_files.text_of(content, most_bytes=MOST_BYTES)
        rows = list(islice(csv_files.rows_of(text), MOST_LINES + 2))
    except csv_files.InvalidTable as error:
        raise BadSheet([error.message]) from error
    _number, heading = rows[0] if rows else (0, [])
    names = [name.lower() for name in heading]
    if absent := [name for name in NEEDED if name not in names]:
        message = _("The first line must name the columns; %(columns)s is missing.")
        raise BadSheet([message % {"columns": listed(*absent)}])
    if len(rows) > MOST_LINES + 1:
        message = _("The table has more than %(most)d lines.")
        raise BadSheet([message % {"most": MOST_LINES}])
    return _filled(names, rows[1:])


def _filled(
    names: Sequence[str], rows: Iterable[tuple[int, list[str]]]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, cells in rows:
        if len(cells) > len(names):
            message = _("Line %(line)d: there are more cells than columns.")
            raise BadSheet([message % {"line": number}])
        if any(cells):
            yield number, dict(zip_longest(names, cells, fillvalue=""))


def _new_price(row: dict[str, str], known: dict[Offer, Line]) -> NewPrice:
    """The price of one line. Raises ValueError with a sentence."""
    offer = row["engine"], row["tier"]
    line = known.get(offer)
    if line is None:
        message = _("There is no engine “%(engine)s” with the tier “%(tier)s”.")
        raise ValueError(message % {"engine": offer[0][:100], "tier": offer[1][:40]})
    given: dict[str, Any] = {name: _number(name, row[name]) for name in FIGURES if row.get(name)}
    given |= {name: int(given[name]) for name in WHOLE if name in given}
    if absent := [name for name in NEEDED if not row[name]]:
        raise ValueError(_("%(columns)s is empty.") % {"columns": listed(*absent)})
    left = {name: getattr(line.price, name) for name in FIGURES[2:] if line.price}
    new = NewPrice(*offer, **{**left, **given}, valid_from=_moment(row, line))
    if problems := new.problems():
        raise ValueError(" ".join(problems))
    return new


def _number(name: str, text: str) -> Decimal:
    message = _("%(column)s: “%(text)s” is not a number of at least 0.")
    about = {"column": name, "text": text[:40]}
    if not NUMBER.fullmatch(text):
        raise ValueError(message % about)
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation as error:
        raise ValueError(message % about) from error
    if name in WHOLE and number != int(number):
        raise ValueError(_("%(column)s: “%(text)s” is not a whole number.") % about)
    return number


def _moment(row: dict[str, str], line: Line) -> dt.datetime | None:
    text = row.get("valid_from", "")
    if not text:
        return None
    try:
        moment = parse_datetime(text) or _midnight(parse_date(text))
    except ValueError:
        moment = None
    if moment is None:
        message = _("valid_from: “%(text)s” is no moment such as 2026-12-01 or 2026-12-01T00:00Z.")
        raise ValueError(message % {"text": text[:40]})
    if timezone.is_naive(moment):
        moment = moment.replace(tzinfo=dt.UTC)
    return None if line.price and moment == line.price.valid_from else moment


def _midnight(day: dt.date | None) -> dt.datetime | None:
    return dt.datetime.combine(day, dt.time()) if day else None


def _shortened(problems: list[str]) -> list[str]:
    more = len(problems) - MOST_PROBLEMS
    if more <= 0:
        return problems
    rest = ngettext("%(count)d more line is wrong.", "%(count)d more lines are wrong.", more)
    return [*problems[:MOST_PROBLEMS], rest % {"count": more}]
