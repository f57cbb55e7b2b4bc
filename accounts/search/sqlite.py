"""The index on SQLite: an FTS5 table. The tokens come from Python; FTS5 only splits them at spaces.

Each token contains its team and its stretch, as on PostgreSQL. FTS5 reads all rows that a prefix
matches before it returns the first, and without stretches these are too many.
"""

from collections.abc import Sequence

from django.db import connection, transaction

from accounts.search.stretches import STRETCH_BITS

NEWEST = 2**63 - 1

# `detail` and `columnsize`: positions of tokens are never asked for. The text is stored, because an
# FTS5 table without it can't delete or replace a row before SQLite 3.43.
CREATE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING fts5("
    "tokens, detail = 'none', columnsize = 0, tokenize = \"ascii tokenchars '.:'\")",
)

# One line for each stretch, newest first: the keys of its newest rows, separated by commas.
_STRETCHES = """
WITH RECURSIVE stretch (number) AS (
    SELECT min(%s, (SELECT coalesce(max(rowid), 0) FROM {table})) >> %s
    UNION ALL SELECT number - 1 FROM stretch WHERE number > 0
)
SELECT (
    SELECT group_concat(rowid) FROM (
        SELECT rowid FROM {table}
        WHERE {table} MATCH replace(%s, '~', stretch.number) AND rowid < %s
        ORDER BY rowid DESC LIMIT %s
    )
) FROM stretch
"""


def put(table: str, rows: Sequence[tuple[int, Sequence[int], Sequence[str]]]) -> None:
    """Write rows, given as (key, teams, terms)."""
    # The savepoint of `atomic` makes FTS5 write what the transaction has deleted so far. Without
    # it, SQLite 3.40 loses a row that is deleted and written again in one transaction.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT OR REPLACE INTO {table} (rowid, tokens) VALUES (%s, %s)",  # noqa: S608
            [
                (
                    row,
                    " ".join(
                        f"{team}.{row >> STRETCH_BITS}.{term}" for team in teams for term in terms
                    ),
                )
                for row, teams, terms in rows
            ],
        )


def newest(
    table: str,
    *,
    team: int,
    whole: Sequence[str],
    beginning: str,
    before: int | None,
    limit: int,
) -> list[int]:
    """Return the newest rows with all terms; see `Index.newest`."""
    asked = [f'"{team}.~.{term}"' for term in whole]
    if beginning:
        asked.append(f'"{team}.~.{beginning}" *')
    before = NEWEST if before is None else before
    found: list[int] = []
    with connection.cursor() as cursor:
        cursor.execute(
            _STRETCHES.format(table=table),
            [before - 1, STRETCH_BITS, " AND ".join(asked), before, limit],
        )
        for (rows,) in cursor:  # SQLite reads a stretch when its line is fetched.
            found += sorted(map(int, rows.split(",") if rows else ()), reverse=True)
            if len(found) >= limit:
                break
    return found[:limit]
