"""Copies runs with all their rows and records, so that a copy verifies like the original.

What names a run (identifiers, hashes, prompt, person, team, times) is another in each copy,
wherever it stands: in columns, in JSON and in the canonical text of records. The names of many
copies, with their digests and leaves, become a table; the rows are made from it by SQL.
"""

import datetime as dt
import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import BinaryField, DateTimeField, Field, GeneratedField, JSONField, Model

from accounts import audit
from accounts.audit.canonical import canonical_bytes, timestamp
from accounts.audit.index import RECORDS, WHOLE_LOG, by_person, line_of, with_task
from accounts.models import Allowance, Entry, Record, RecordPayload, Team, User
from accounts.search import postgresql, sqlite, stretches
from accounts.search.tokens import tokens_of
from generations.models import Generation, Run
from tests.bench.scale.rows import execute, on_postgresql

# What a copy has in place of what the original has. Rows are named by their model and key; the
# person, the team and the allowance by their model alone.
Names = dict[Any, Any]

OWNERS = (User, Team, Allowance)
DIGEST_BYTES = 32


@dataclass(frozen=True)
class Owner:
    """Whose a copy is."""

    person: User
    team: Team
    allowance: Allowance


class Sql(NamedTuple):
    """An expression over a row of names, and its parameters."""

    text: str
    values: tuple[Any, ...] = ()


def search_index() -> ModuleType:
    """The module that writes the search index on this database."""
    return postgresql if on_postgresql() else sqlite


class Original:
    """A run that the studio itself has made. It must be indexed, and nothing of it erased.

    `rows` are all its rows, each after those that it refers to. The prompt of the run must have the
    words that stand nowhere else in it.
    """

    def __init__(self, name: str, run: Run, rows: Sequence[Model]) -> None:
        self.rows, self._table = rows, f"scale_names_{name}"
        self._prompt, self._person, self._team = run.prompt, run.user, run.team
        self._acts = [row for row in rows if isinstance(row, Record)]
        self._began = self._acts[0].at
        entries = [row for row in rows if isinstance(row, Entry)]
        payloads = [row for row in rows if isinstance(row, RecordPayload)]
        tasks = [row for row in rows if isinstance(row, Generation)]
        bodies = [bytes(row.body) for row in tasks if row.body]
        self._tasks = {row.task_id for row in tasks} - {""}
        self._hexadecimal = {row.request_id for row in tasks} - {""}
        self._hexadecimal |= {each for row in rows for each in _hashes(row)}
        self._identifiers = {str(each) for row in rows for each in _identifiers(row)}
        self._times = {each for row in rows for each in _times(row)}
        digests = {_digest(each) for each in bodies} | {each.digest or "" for each in entries}
        digests |= {each.personal or "" for each in self._acts}
        names = self._identifiers | self._hexadecimal | digests | {run.prompt}
        names |= {str(run.user.uuid), str(run.team.uuid), *map(timestamp, self._times)}
        longest_first = sorted(names - {""}, key=len, reverse=True)
        self._marks = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        self._bodies = [(_digest(each), self._parts(each)) for each in bodies]
        self._entries = [(each.digest, self._parts(_of_entry(each))) for each in entries]
        self._payloads = [
            (each.record.personal, bytes(each.salt or b""), self._parts(canonical_bytes(each.data)))
            for each in payloads
        ]
        self._leaves = [(bytes(each.leaf), self._parts(_of_record(each))) for each in self._acts]
        self._columns: dict[Any, str] = {}
        self._statements: list[Sql] = []

    def names(
        self,
        owner: Owner,
        at: dt.datetime,
        prompt: str,
        *,
        last: dict[type[Model], int],
        chance: random.Random,
    ) -> Names:
        """The names of a copy that `owner` made at a time. `last` are the last keys of rows."""
        names: Names = {each: str(UUID(int=chance.getrandbits(128))) for each in self._identifiers}
        names |= {each: chance.randbytes(len(each) // 2).hex() for each in self._hexadecimal}
        names[str(self._person.uuid)] = str(owner.person.uuid)
        names[str(self._team.uuid)] = str(owner.team.uuid)
        shift = at - self._began
        names |= {timestamp(each): timestamp(each + shift) for each in self._times}
        names |= {User: owner.person.pk, Team: owner.team.pk, Allowance: owner.allowance.pk}
        names[self._prompt] = prompt
        words = zip(tokens_of(self._prompt), tokens_of(prompt), strict=True)
        names |= {("word", old): new for old, new in words}
        for old, parts in (*self._bodies, *self._entries):
            names[old] = _digest(_joined(parts, names))
        for old, salt, parts in self._payloads:
            names[salt] = chance.randbytes(DIGEST_BYTES)
            names[old] = hashlib.sha256(names[salt] + _joined(parts, names)).hexdigest()
        for leaf, parts in self._leaves:
            names[leaf] = audit.leaf_hash(_joined(parts, names))
            names[leaf.hex()] = names[leaf].hex()
        for task in self._tasks:
            names["task", task] = with_task(_joined(self._parts(task.encode()), names).decode())
        for row in self.rows:
            if row._meta.pk and not row._meta.pk.is_relation:
                names[type(row), row.pk] = last[type(row)] = last[type(row)] + 1
        return names

    def write(self, copies: Sequence[Names]) -> None:
        """Write the rows of copies."""
        if not copies:
            return
        if not self._columns:
            self._columns = {name: f"n{place}" for place, name in enumerate(copies[0])}
            types = ", ".join(
                f"{column} {_type_of(copies[0][name])}" for name, column in self._columns.items()
            )
            execute(f"CREATE TEMPORARY TABLE {self._table} ({types})")
            self._statements = [*self._of_tables(), self._of_index()]
        execute(f"DELETE FROM {self._table}")
        _insert(self._table, [[*names.values()] for names in copies])
        for statement in self._statements:
            execute(*statement)

    # --- Statements ------------------------------------------------------------------------------

    def _of_tables(self) -> Iterator[Sql]:
        for model in dict.fromkeys(type(row) for row in self.rows):
            fields = _fields_of(model)
            columns = ", ".join(f'"{field.column}"' for field in fields)
            rows = (
                self._select([self._value(row, field) for field in fields])
                for row in self.rows
                if type(row) is model
            )
            yield _union(f"INSERT INTO {model._meta.db_table} ({columns}) ", rows)

    def _of_index(self) -> Sql:
        keys = [record.pk for record in self._acts]
        tokens = search_index().tokens(RECORDS.table, keys)
        rows = (
            self._select([self._name((Record, key)), self._tokens(key, tokens[key])])
            for key in keys
        )
        return _union(f"INSERT INTO {RECORDS.table} (rowid, tokens) ", rows)

    def _select(self, values: Sequence[Sql]) -> Sql:
        parameters = tuple(each for value in values for each in value.values)
        return Sql(
            f"SELECT {', '.join(value.text for value in values)} FROM {self._table}", parameters
        )

    def _tokens(self, key: int, tokens: set[str]) -> Sql:
        split = (token.split(".", 2) for token in tokens)
        terms = [self._term(term) for team, _, term in split if team == str(WHOLE_LOG)]
        stretch = f"({self._columns[Record, key]} >> {stretches.BITS})"
        lines = [
            _concatenated([team, Sql("'.'"), Sql(stretch), Sql("'.'"), term])
            for team in (Sql(f"'{WHOLE_LOG}'"), self._name(Team))
            for term in terms
        ]
        values = tuple(each for line in lines for each in line.values)
        if on_postgresql():
            return Sql(
                f"array_to_tsvector(ARRAY[{', '.join(each.text for each in lines)}])", values
            )
        return Sql(" || ' ' || ".join(each.text for each in lines), values)

    def _term(self, term: str) -> Sql:
        if ("word", term) in self._columns:
            return self._name(("word", term))
        for label, model in ((by_person(self._person.pk), User), (line_of(self._team.pk), Team)):
            if term == f":{label}":
                return _concatenated([_text(term.rstrip("0123456789")), self._name(model)])
        for task in self._tasks:
            if term == f":{with_task(task)}":
                return _concatenated([_text(":"), self._name(("task", task))])
        for name in self._columns if term[1:2] in "xi" else ():
            if isinstance(name, str) and name.startswith(term[2:]):
                start = Sql(f"substr({self._columns[name]}, 1, {len(term) - 2})")
                return _concatenated([_text(term[:2]), start])
        return _text(term)

    def _value(self, row: Model, field: Any) -> Sql:
        value = getattr(row, field.attname)
        if value is None:
            return Sql(f"CAST(NULL AS {_type_in(field)})")
        if field.is_relation or field.primary_key:
            model = field.related_model or type(row)
            name = model if model in OWNERS else (model, value)
            return self._name(name) if name in self._columns else Sql("%s", (value,))
        if isinstance(field, BinaryField):
            return self._bytes(bytes(value))
        if isinstance(field, DateTimeField):
            return _as_time(self._text(timestamp(value).encode()))
        return self._as_text(value, field)

    def _as_text(self, value: Any, field: Any) -> Sql:
        if isinstance(field, JSONField):
            return _cast(self._text(json.dumps(value, ensure_ascii=False).encode()), field)
        text = self._text(str(int(value) if isinstance(value, bool) else value).encode())
        if isinstance(value, UUID) and not on_postgresql():
            return Sql(f"replace({text.text}, '-', '')", text.values)
        return _cast(text, field)

    def _bytes(self, value: bytes) -> Sql:
        if value in self._columns:
            return self._name(value)
        text = self._text(value)
        return Sql(
            f"convert_to({text.text}, 'UTF8')" if on_postgresql() else f"CAST({text.text} AS blob)",
            text.values,
        )

    def _name(self, name: Any) -> Sql:
        return Sql(self._columns[name])

    def _text(self, text: bytes) -> Sql:
        parts = self._parts(text)
        return _concatenated(
            [self._name(part) if part in self._columns else _text(part) for part in parts]
        )

    def _parts(self, text: bytes) -> list[str]:
        """The names in a text, and what stands between them."""
        return self._marks.split(text.decode())


# --- SQL -----------------------------------------------------------------------------------------


def _fields_of(model: type[Model]) -> list[Field]:
    fields = model._meta.concrete_fields
    return [field for field in fields if not isinstance(field, GeneratedField)]


def _union(insert: str, rows: Iterator[Sql]) -> Sql:
    """A statement that inserts all rows in the order of their first column, which is their key."""
    selects = list(rows)
    text = insert + " UNION ALL ".join(each.text for each in selects) + " ORDER BY 1"
    return Sql(text, tuple(value for each in selects for value in each.values))


def _concatenated(parts: Sequence[Sql]) -> Sql:
    return Sql(
        f"({' || '.join(part.text for part in parts)})",
        tuple(value for part in parts for value in part.values),
    )


def _text(text: str) -> Sql:
    return Sql("CAST(%s AS text)", (text,))


def _cast(value: Sql, field: Any) -> Sql:
    return Sql(f"CAST({value.text} AS {_type_in(field)})", value.values)


def _as_time(value: Sql) -> Sql:
    """The time that stands in canonical form in a text."""
    if on_postgresql():
        return Sql(f"CAST({value.text} AS timestamptz)", value.values)
    return Sql(f"replace(replace({value.text}, 'T', ' '), 'Z', '')", value.values)


def _type_in(field: Any) -> str:
    """The type to which the text of a value is cast. SQLite keeps what it is given."""
    if on_postgresql():
        return str(field.cast_db_type(connection))
    return (
        "integer"
        if field.get_internal_type().endswith(("IntegerField", "BooleanField"))
        else "text"
    )


def _type_of(value: Any) -> str:
    if isinstance(value, int):
        return "bigint"
    return ("bytea" if on_postgresql() else "blob") if isinstance(value, bytes) else "text"


def _insert(table: str, rows: Sequence[list[Any]]) -> None:
    with connection.cursor() as cursor:
        if on_postgresql():
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


# --- What names a run ----------------------------------------------------------------------------


def _of_record(record: Record) -> bytes:
    return audit.record_bytes(record, actor=str(record.actor.uuid) if record.actor else None)


def _of_entry(entry: Entry) -> bytes:
    return canonical_bytes(audit.entries.canonical(entry))


def _joined(parts: Sequence[str], names: Names) -> bytes:
    return "".join([names.get(part, part) for part in parts]).encode()


def _digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def _identifiers(row: Model) -> Iterator[UUID]:
    """The identifier of a row, and others that only it has."""
    for name in ("uuid", "submit_token", "idempotency_key"):
        value = getattr(row, name, None)
        if isinstance(value, UUID):
            yield value


def _hashes(row: Model) -> Iterator[str]:
    """The hashes of files that a row names."""
    for name in ("sha256", "original_sha256"):
        if value := getattr(row, name, ""):
            yield value


def _times(row: Model) -> Iterator[dt.datetime]:
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(value, dt.datetime):
            yield value
