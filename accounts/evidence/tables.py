"""Writes records as JSON Lines, or as a table (CSV) for a spreadsheet."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from accounts.evidence import archive, selection
from accounts.evidence.archive import Progress
from accounts.evidence.lines import BATCH, Line
from accounts.evidence.selection import Range
from accounts.models import Record

# A spreadsheet would read a cell that begins with one of these as a formula, or drop the character.
# Source: owasp.org/www-community/attacks/CSV_Injection, which also names their full-width forms.
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
# Characters that no spreadsheet shows, or that turn the order of others around: control characters
# but line breaks, marks of direction, and the byte order mark.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
# Excel cuts a longer cell, and may take the rest for other cells.
LONGEST_CELL = 32_000
CUT = " … (cut: the export as JSON Lines or ZIP has all of it)"
# So that Excel reads UTF-8.
ENCODING = "utf-8-sig"

COLUMNS = (
    "place",
    "time_utc",
    "event",
    "person",
    "person_name_today",
    "subject_kind",
    "subject",
    "run",
    "team_of_person",
    "team_of_subject",
    "facts",
    "prompt",
    "other_personal_text",
    "personal_text_erased",
    "leaf",
)

Selected = tuple[Line, Record | None]


def fill_lines(path: Path, places: Range) -> Iterator[Progress]:
    """Write one record a line, as `records.jsonl` in a ZIP has them. Raises as `archive.fill`."""

    def text_of(selected: Selected) -> bytes:
        line, _record = selected
        return archive.text_of({name: line[name] for name in line if name != "left_out"})

    with path.open("xb") as file:
        yield from _fill(file, places, text_of)


def fill_csv(path: Path, places: Range) -> Iterator[Progress]:
    """Write one record a row, safe from formulas. Raises as `archive.fill`."""
    with path.open("xb") as file:
        file.write(_row_text(COLUMNS).encode(ENCODING))
        yield from _fill(file, places, lambda selected: _row_text(_row(*selected)).encode())


def _fill(
    file: IO[bytes], places: Range, text_of: Callable[[Selected], bytes]
) -> Iterator[Progress]:
    rest, count = selection.taken(places), 0
    while batch := list(islice(rest, BATCH)):
        for selected in batch:
            file.write(text_of(selected))
        count += len(batch)
        yield Progress(count)


def cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula. It begins with ' where it might be one."""
    given = str(value)
    text = UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", given)
    if len(text) > LONGEST_CELL:
        text = text[:LONGEST_CELL] + CUT
    return f"'{text}" if FORMULA.match(given) else text


def _row_text(values: Any) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(map(cell, values))
    return text.getvalue()


def _row(line: Line, row: Record | None) -> list[object]:
    record = line.get("record")
    if row is None or not isinstance(record, dict):
        return [line["place"]]
    subject, teams = record["subject"], record.get("teams") or {}
    personal = _personal(line)
    return [
        line["place"],
        record["at"],
        record["event"],
        record["actor"] or "",
        row.actor or "",
        subject["kind"],
        subject["id"],
        row.story or "",
        teams.get("actor") or "",
        teams.get("subject") or "",
        _json(record["facts"]),
        personal.pop("prompt", ""),
        _json(personal) if personal else "",
        "yes" if line.get("erased") else "",
        line["leaf"],
    ]


def _personal(line: Line) -> dict[str, Any]:
    data = (line.get("payload") or {}).get("data")
    return dict(data) if isinstance(data, dict) else {}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
