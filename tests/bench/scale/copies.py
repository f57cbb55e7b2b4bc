"""Copies all rows of filled tables, several times, with SQL only. PostgreSQL alone can do this.

To fill a million rows takes minutes, most of it for indexes that grow with each row and for words
that are split in Python. Copies need neither: each index is dropped and made again at the end, from
its own definition, and the tokens of the search are those of the row that was copied.
"""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import DateTimeField, GeneratedField, Max, Min, Model, UUIDField

from accounts.search import first_of, stretch_of
from accounts.search.schema import IndexedText
from accounts.search.stretches import BITS
from tests.bench.scale.rows import execute

# All keys of a copy are higher than those of the copy before by a multiple of a stretch, so that
# the stretch in a token changes by the same number in all rows of a copy.
STRETCH = first_of(1)
# For one statement. The copies are written once, so a crash may lose them.
SETTINGS = (
    "SET LOCAL maintenance_work_mem = '1GB'",
    "SET LOCAL synchronous_commit = off",
    "SET LOCAL session_replication_role = replica",  # no triggers, and so no foreign keys
    "SET LOCAL synchronize_seqscans = off",  # copies stand in the order of their originals
)
# What is dropped: all but the primary key, which the inserts extend at its end, at little cost.
INDEXES = """
SELECT pg_get_indexdef(indexrelid), indexrelid::regclass::text, conname,
    pg_get_constraintdef(pg_constraint.oid)
FROM pg_index LEFT JOIN pg_constraint ON conindid = indexrelid AND conrelid = indrelid
WHERE indrelid = %s::regclass AND NOT indisprimary
ORDER BY indexrelid
"""


@dataclass(frozen=True)
class Copied:
    """A table to copy: that of `model`, all rows after the key `after`.

    In a copy, primary keys and keys of rows that are copied too are shifted, identifiers are new,
    and times are later. `values` maps other columns to SQL, in which `i` is the number of the copy,
    from 1. A table of tokens has the keys of the model `index_of`, and the token of the word
    `renamed[0]` becomes that of `renamed[1]`.
    """

    model: type[Model]
    after: int = 0
    values: Mapping[str, str] = field(default_factory=dict)
    index_of: type[Model] | None = None
    renamed: tuple[str, str] = ("", "")

    @property
    def table(self) -> str:
        return self.model._meta.db_table


@dataclass(frozen=True)
class _Change:
    """What differs between a copy and the one before: keys by `shifts`, times by `later` seconds.

    With `salt`, identifiers differ from those of copies that were made before.
    """

    shifts: Mapping[type[Model], int]
    later: float
    salt: str


def multiply_tables(tables: Sequence[Copied], times: int) -> None:
    """Make `times` as many rows of each table, in one transaction; print how long that took.

    The copies are newer than what they were made of, and have higher keys. The first of `tables`
    has the time `created_at`.
    """
    shifts = {each.model: _shift(each.index_of or each.model) for each in tables}
    change = _Change(shifts, _seconds(tables[0]), uuid.uuid4().hex)
    with transaction.atomic():
        for setting in SETTINGS:
            execute(setting)
        for each in tables:
            _multiply(each, times, change)


def _multiply(copied: Copied, times: int, change: _Change) -> None:
    started = time.monotonic()
    restoring = list(_dropped(copied.table))
    for number in range(1, times):
        execute(_statement(copied, change, number))
    filled = time.monotonic()
    for statement in restoring:
        execute(statement)
    key = copied.model._meta.pk.column
    sequence = f"pg_get_serial_sequence('{copied.table}', '{key}')"
    execute(f"SELECT setval({sequence}, max({key})) FROM {copied.table}")  # if there is one
    print(
        f"copied {copied.table} in {filled - started:.0f} s, "
        f"made its {len(restoring)} indexes in {time.monotonic() - filled:.0f} s",
        flush=True,
    )


def _shift(model: type[Model]) -> int:
    """By how much the keys of one copy are higher than those of the copy before."""
    highest = model._default_manager.aggregate(Max("pk"))["pk__max"] or 0
    return first_of(stretch_of(highest) + 1)


def _seconds(copied: Copied) -> float:
    """From the oldest to the newest of the rows that are copied."""
    rows = copied.model._default_manager.filter(pk__gt=copied.after)
    found = rows.aggregate(first=Min("created_at"), last=Max("created_at"))
    return (found["last"] - found["first"]).total_seconds() + 1


def _dropped(table: str) -> Iterator[str]:
    """Drop the indexes of `table`; yield for each the statement that makes it again."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, [table])
        found = cursor.fetchall()
    for definition, index, constraint, rule in found:
        if constraint:
            execute(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"')
            yield f'ALTER TABLE {table} ADD CONSTRAINT "{constraint}" {rule}'
        else:
            execute(f"DROP INDEX {index}")
            yield definition


def _statement(copied: Copied, change: _Change, number: int) -> str:
    columns = [
        column
        for column in copied.model._meta.concrete_fields
        if not isinstance(column, GeneratedField)
    ]
    names = ", ".join(f'"{column.column}"' for column in columns)
    chosen = ", ".join(
        copied.values.get(column.column) or _value(copied, column, change) for column in columns
    )
    key, last = copied.model._meta.pk.column, change.shifts[copied.model]
    return (
        f"INSERT INTO {copied.table} ({names}) SELECT {chosen} "
        f"FROM {copied.table} CROSS JOIN (VALUES ({number})) AS copy (i) "
        f"WHERE {key} > {copied.after} AND {key} < {last} ORDER BY {key}"
    )


def _value(copied: Copied, column: Any, change: _Change) -> str:
    name = f'"{column.column}"'
    target = column.related_model or (copied.model if column.primary_key else None)
    if target in change.shifts:
        return f"{name} + i * {change.shifts[target]}"
    if isinstance(column, UUIDField):
        return (
            f"md5({name}::text || '{change.salt}' || i)::uuid"  # the same wherever the row is named
        )
    if isinstance(column, DateTimeField):
        return f"{name} + i * interval '{change.later} seconds'"
    if copied.index_of and column.name == "tokens":
        return _tokens(change.shifts[copied.model], copied.renamed)
    return name


def _tokens(shift: int, renamed: tuple[str, str]) -> str:
    """SQL for the tokens of a copy. Only the number of the stretch stands between two dots."""
    key = IndexedText._meta.get_field("row").column
    stretch = f"'.' || ({key} >> {BITS}) || '.'"
    copied = f"'.' || (({key} + i * {shift}) >> {BITS}) || '.'"
    line = f"replace(array_to_string(tsvector_to_array(tokens), ' '), {stretch}, {copied})"
    word, other = renamed
    if word:
        line = f"replace({line}, '.{word}', '.{other}')"
    return f"array_to_tsvector(string_to_array({line}, ' '))"
