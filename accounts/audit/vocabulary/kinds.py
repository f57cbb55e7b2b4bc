"""What a declaration consists of, and the types of the values in a record.

Texts are bounded, because records are kept for ever.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise

LONGEST_FACT = 2_000
LONGEST_PERSONAL = 200_000
MOST_ITEMS = 1_000


class Kind(StrEnum):
    """The type of a value, by the word that the documentation uses."""

    TEXT = "text"
    LONG_TEXT = "long text"
    NUMBER = "number"
    AMOUNT = "decimal number as text"
    FLAG = "true or false"
    IDENTIFIER = "identifier"
    HASH = "SHA-256"
    TEXTS = "list of texts"
    IDENTIFIERS = "list of identifiers"
    HASHES = "list of SHA-256"
    TEXT_BY_NAME = "texts by name"
    VALUES_BY_NAME = "values by name"
    LIST = "list of objects"
    RANGES = "list of ranges of places"


@dataclass(frozen=True)
class Value:
    """One fact or personal value: its name, its type, a label in words.

    `since` is the version of the record in which it first appeared. An event may lack a value that
    is not `required`; one that is `nullable` may be null.
    """

    name: str
    kind: Kind
    label: str | Promise
    required: bool = False
    nullable: bool = False
    since: int = 1

    def accepts(self, value: Any) -> bool:
        return (value is None and self.nullable) or _CHECKS[self.kind](value)


Values = tuple[Value, ...]


@dataclass(frozen=True)
class Declared:
    """What a record of one event holds.

    `counted` events are what somebody can repeat without limit: `audit.tallies` records the first
    one, and later how many more there were.
    """

    facts: Values = ()
    personal: Values = ()
    counted: bool = False


def must(*values: Value) -> Values:
    """`values`, which no record may lack."""
    return tuple(replace(value, required=True) for value in values)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_FACT


def _is_long_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_PERSONAL


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_amount(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


def _is_identifier(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[0-9a-f]{64}", value))


def _list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, list) and len(value) <= MOST_ITEMS and all(map(check, value))
    )


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= MOST_ITEMS and all(map(_is_text, value))


def _is_text_by_name(value: Any) -> bool:
    return _is_named(value) and all(map(_is_text, value.values()))


def _is_range(value: Any) -> bool:
    """Whether it is [first place, last place, time of a checkpoint or nothing]."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(map(_is_number, value[:2]))
        and _is_text(value[2])
    )


_CHECKS: dict[Kind, Callable[[Any], bool]] = {
    Kind.TEXT: _is_text,
    Kind.LONG_TEXT: _is_long_text,
    Kind.NUMBER: _is_number,
    Kind.AMOUNT: _is_amount,
    Kind.FLAG: lambda value: isinstance(value, bool),
    Kind.IDENTIFIER: _is_identifier,
    Kind.HASH: _is_hash,
    Kind.TEXTS: _list_of(_is_text),
    Kind.IDENTIFIERS: _list_of(_is_identifier),
    Kind.HASHES: _list_of(_is_hash),
    Kind.TEXT_BY_NAME: _is_text_by_name,
    Kind.VALUES_BY_NAME: _is_named,
    Kind.LIST: _list_of(_is_named),
    Kind.RANGES: _list_of(_is_range),
}
