"""The triggers on SQLite. Its own text of a trigger describes it.

REPLACE deletes the rows whose unique keys clash with the new row, and fires no delete trigger for
them. So a trigger looks for such rows before each INSERT. It is made from the unique indexes that
the table really has.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from django.db.backends.utils import CursorWrapper

_NO_UPDATE = (
    "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {when}"
    "BEGIN SELECT RAISE(ABORT, '{table} {promise}'); END"
)
_NO_DELETE = (
    "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
_NO_REPLACE = (
    "CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {clashes} "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
_EXISTS = "EXISTS (SELECT 1 FROM {table} WHERE {condition})"
# Tables of which older versions let no column be emptied.
ONCE_FROZEN = ("accounts_entry",)
_NAMES = ("no_update", "no_delete", "no_replace")


def wanted(cursor: CursorWrapper, table: str, erasable: Mapping[str, str]) -> dict[str, str]:
    """The triggers that `table` must have: name and description.

    Without `erasable`, no row may change. Otherwise a row may change only by setting these columns
    to the empty value that is given, in SQL, with each.
    """
    columns = _columns(cursor, table)
    changes = [f"NEW.{column} IS NOT OLD.{column}" for column in columns if column not in erasable]
    changes += [f"NEW.{column} IS NOT {empty}" for column, empty in erasable.items()]
    changes += [f"OLD.{column} IS {empty}" for column, empty in erasable.items() if empty != "NULL"]
    statements = {
        "no_update": _NO_UPDATE.format(
            table=table,
            when=f"WHEN {' OR '.join(changes)} " if erasable else "",
            promise="may only be emptied" if erasable else "is append-only",
        ),
        "no_delete": _NO_DELETE.format(table=table),
        "no_replace": _NO_REPLACE.format(
            table=table, clashes=" OR ".join(_clashes(cursor, table, columns))
        ),
    }
    return {f"{table}_{name}": statement for name, statement in statements.items()}


def older(table: str) -> set[str]:
    """Descriptions of triggers that older versions of the studio installed."""
    clashes = _EXISTS.format(table=table, condition="id = NEW.id")
    older = {_NO_REPLACE.format(table=table, clashes=clashes)}
    if table in ONCE_FROZEN:
        older.add(_NO_UPDATE.format(table=table, when="", promise="is append-only"))
    return older


def present(cursor: CursorWrapper, table: str) -> dict[str, str]:
    """The triggers that `table` has: name and description."""
    cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table]
    )
    return dict(cursor.fetchall())


def create(cursor: CursorWrapper, table: str, erasable: Mapping[str, str]) -> None:
    """Install the triggers that `table` must have, in place of those of the same names."""
    drop(cursor, table)
    for statement in wanted(cursor, table, erasable).values():
        cursor.execute(statement, None)


def drop(cursor: CursorWrapper, table: str) -> None:
    """Remove the triggers that `create` installs."""
    for name in _NAMES:
        cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{name}")


def _columns(cursor: CursorWrapper, table: str) -> list[str]:
    cursor.execute("SELECT name FROM pragma_table_info(%s) ORDER BY cid", [table])
    return [name for (name,) in cursor.fetchall()]


def _clashes(cursor: CursorWrapper, table: str, columns: Sequence[str]) -> Iterator[str]:
    """A condition for each unique key: a row of `table` has the same key as NEW."""
    # Each row has this key, whatever its name. For a new row without one, NEW.rowid is -1.
    yield _EXISTS.format(table=table, condition="rowid = NEW.rowid")
    for index, condition in _unique_indexes(cursor, table):
        same = " AND ".join(_same_key(cursor, index))
        if not condition:
            yield _EXISTS.format(table=table, condition=same)
            continue
        old = _EXISTS.format(table=table, condition=f"{same} AND ({condition})")
        columns_of_new = ", ".join(f'NEW."{column}" AS "{column}"' for column in columns)
        new = _EXISTS.format(table=f"(SELECT {columns_of_new})", condition=condition)
        yield f"({old} AND {new})"


def _unique_indexes(cursor: CursorWrapper, table: str) -> list[tuple[str, str]]:
    """Name and condition of each unique index of `table`; the condition is "" unless partial."""
    cursor.execute(
        "SELECT list.name, list.partial, master.sql FROM pragma_index_list(%s) AS list "
        "JOIN sqlite_master AS master ON master.type = 'index' AND master.name = list.name "
        'WHERE list."unique" ORDER BY list.name',
        [table],
    )
    return [(name, _condition(sql) if partial else "") for name, partial, sql in cursor.fetchall()]


def _condition(sql: str) -> str:
    """The condition of a partial index."""
    return re.split(r"\bWHERE\b", sql, maxsplit=1, flags=re.IGNORECASE)[1].strip()


def _same_key(cursor: CursorWrapper, index: str) -> list[str]:
    """The conditions under which the index takes a row for the same as NEW.

    Raises NotImplementedError for an index of an expression.
    """
    cursor.execute(
        "SELECT name, coll FROM pragma_index_xinfo(%s) WHERE key ORDER BY seqno", [index]
    )
    columns = cursor.fetchall()
    if any(name is None for name, _ in columns):
        raise NotImplementedError(f"{index}: no trigger can be made for a key with an expression")
    return [f'"{name}" = NEW."{name}" COLLATE {collation}' for name, collation in columns]
