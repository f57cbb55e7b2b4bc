"""Texts, times and hashes of records, ready to print."""

import datetime as dt
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from generations.reading.story.finding import Told

# Bodies are short without their pictures; one page may hold many.
LONGEST_SHOWN = 20_000


@dataclass(frozen=True)
class Text:
    """What a person or a provider wrote; without `text` if it was erased or is not on record.

    `digest` is that of the whole payload, which stays after the text is erased.
    """

    text: str = ""
    erased: bool = False
    digest: str = ""

    def __bool__(self) -> bool:
        return bool(self.text) or self.erased


@dataclass(frozen=True)
class Moment:
    """A time in words, with its year and zone, and as a machine reads it."""

    text: str
    iso: str


def moment(at: dt.datetime, zone: dt.tzinfo) -> Moment:
    local = at.astimezone(zone)
    return Moment(date_format(local, "ZONED_SECONDS_FORMAT"), at.isoformat())


def text_of(told: Told, name: str) -> Text:
    """One text of a record's payload."""
    digest = told.record.personal or ""
    if told.text is None:
        return Text(erased=True, digest=digest)
    value = told.text.get(name)
    return Text(value if isinstance(value, str) else "", digest=digest)


def readable(body: str) -> str:
    """A body as people can read it: JSON indented, the rest as it is, cut if it is very long."""
    with suppress(ValueError, RecursionError):
        body = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    if len(body) > LONGEST_SHOWN:
        return body[:LONGEST_SHOWN] + "\n" + _("… The rest is in an export of the log.")
    return body


def pairs(values: Any) -> list[tuple[str, str]]:
    """Named values, such as headers, as pairs of texts."""
    named = values if isinstance(values, Mapping) else {}
    return [(str(name), str(value)) for name, value in named.items()]
