"""The index on SQLite: an FTS5 table. The tokens come from Python; FTS5 only splits them at spaces.

Each token contains its team and its stretch, as on PostgreSQL. FTS5 reads all rows that a prefix
matches before it returns the first, and without stretches these are too many.
"""

from collections.abc import Sequence
from contextlib import nullcontext

from django.db import connection, transaction

from accounts.search.stretches import BITS, Term, stretch_of

# `detail` and `columnsize`: positions of tokens are never asked for. The text is stored, because an
# FTS5 table without it can't delete or replace a row before SQLite 3.43.
CREATE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING fts5("
    "tokens, detail = 'none', columnsize = 0, tokenize = \"ascii tokenchars '.:'\")",
)

# One line for each stretch, newest first: the keys of its newest rows, separated by commas.
_ROWS = """
WITH RECURSIVE stretch (number) AS (
    SELECT %s UNION ALL SELECT number - 1 FROM stretch WHERE number > %s
)
SELECT (
    SELECT group_concat(rowid) FROM (
        SELECT rowid FROM {table}
        WHERE {table} MATCH replace(%s, '~', stretch.number) AND rowid < %s
        ORDER BY rowid DESC LIMIT %s
    )
) FROM stretch
"""

_NEWEST_STRETCH = """
WITH RECURSIVE stretch (number) AS (
    SELECT %s UNION ALL SELECT number - 1 FROM stretch WHERE number > %s
)
SELECT number FROM stretch
WHERE EXISTS (SELECT 1 FROM {table} WHERE {table} MATCH replace(%s, '~', stretch.number))
LIMIT 1
"""


def put(
    table: str,
    rows: Sequence[tuple[int, Sequence[int], Sequence[str]]],
    *,
    are_new: bool,
) -> None:
    """Write rows, given as (key, teams, terms)."""
    lines = [
        (row, " ".join(f"{team}.{stretch_of(row)}.{term}" for team in teams for term in terms))
        for row, teams, terms in rows
    ]
    _write(table, lines, are_new=are_new)


def replace(table: str, row: int, old: Sequence[str], new: Sequence[str]) -> None:
    """Replace tokens of a row, whatever others it has at that moment."""
    kept = tokens(table, [row])[row] - set(old)
    _write(table, [(row, " ".join([*sorted(kept), *new]))], are_new=False)


def _write(table: str, lines: Sequence[tuple[int, str]], *, are_new: bool) -> None:
    # The savepoint of `atomic` makes FTS5 write what the transaction has deleted so far. Without
    # it, SQLite 3.40 loses a row that is deleted and written again in one transaction.
    savepoint = nullcontext() if are_new else transaction.atomic()
    with savepoint, connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT OR REPLACE INTO {table} (rowid, tokens) VALUES (%s, %s)",  # noqa: S608
            lines,
        )


def read(
    table: str,
    *,
    team: int,
    terms: Sequence[Term],
    newest: int,
    oldest: int,
    before: int,
    limit: int,
) -> list[int]:
    """Return the newest rows with all `terms`, from the stretches `newest` down to `oldest`."""
    asked = " AND ".join(_asked(team, term) for term in terms)
    found: list[int] = []
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.format(table=table), [newest, oldest, asked, before, limit])
        for (rows,) in cursor:  # SQLite reads a stretch when its line is fetched.
            found += sorted(map(int, rows.split(",") if rows else ()), reverse=True)
            if len(found) >= limit:
                break
    return found[:limit]


def matching(table: str, rows: Sequence[int], *, team: int, terms: Sequence[Term]) -> set[int]:
    """Return those of `rows` that have all `terms`."""
    # Not MATCH: FTS5 would look up the term anew for each of the keys.
    has = f"instr(' ' || tokens || ' ', ' {team}.' || (rowid >> {BITS}) || %s) > 0"
    marks = ", ".join(["%s"] * len(rows))
    conditions = " AND ".join([f"rowid IN ({marks})", *[has] * len(terms)])
    asked = [f".{term.text}" + ("" if term.is_beginning else " ") for term in terms]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT rowid FROM {table} WHERE {conditions}", [*rows, *asked])  # noqa: S608
        return {row for (row,) in cursor.fetchall()}


def newest_stretch(table: str, *, team: int, term: Term, newest: int, oldest: int) -> int | None:
    """Return the newest of these stretches in which `term` occurs, or None."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_STRETCH.format(table=table), [newest, oldest, _asked(team, term)])
        found = cursor.fetchone()
    return found[0] if found else None


def tokens(table: str, rows: Sequence[int]) -> dict[int, set[str]]:
    """Return the stored tokens of each of `rows` that is in the index."""
    marks = ", ".join(["%s"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT rowid, tokens FROM {table} WHERE rowid IN ({marks})",  # noqa: S608
            list(rows),
        )
        return {row: set(line.split()) for row, line in cursor.fetchall()}


def _asked(team: int, term: Term) -> str:
    return f'"{team}.~.{term.text}"' + (" *" if term.is_beginning else "")
