"""Reads tables (CSV) as spreadsheets write them: with a byte order mark, semicolons or tabs."""

import csv
import io
from collections.abc import Iterator

from django.utils.translation import gettext as _

DELIMITERS = ",;\t"


class InvalidTable(Exception):
    """A file that can't be read as a table. `message` is a sentence for the person who sent it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def text_of(data: bytes, *, most_bytes: int) -> str:
    """The text of a file. Raises InvalidTable for one that is too large or has another encoding."""
    if len(data) > most_bytes:
        text = _("The file is larger than %(most)d kB. Import it in several files.")
        raise InvalidTable(text % {"most": most_bytes // 1000})
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InvalidTable(
            _("The file is no text in UTF-8. In Excel, save it as “CSV UTF-8”, then send it again.")
        )
    return text


def rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, without spaces around them, with the number of its first line.

    Raises InvalidTable where a quotation mark is missing.
    """
    heading = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for cells in reader:
            yield number, [cell.strip() for cell in cells]
            number = reader.line_num + 1
    except csv.Error:
        message = _("Line %(number)d: a quotation mark is missing or in the wrong place.")
        raise InvalidTable(message % {"number": number}) from None
