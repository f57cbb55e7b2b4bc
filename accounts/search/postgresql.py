"""The index on PostgreSQL: a `tsvector` with a GIN index. The tokens come from Python.

A GIN index has no order: it returns all rows of a token at once, which are many for a frequent
word. So each token contains its team and its *stretch*, a range of 8,192 primary keys, such as
`7.3.fox` (team 7, stretch 3). A search reads one stretch after the other from the newest, and stops
when it has found enough rows. No step reads more rows than a stretch holds.
"""

from collections.abc import Sequence

from django.db import connection

from accounts.search.stretches import BITS, Term, stretch_of

# Without `fastupdate`, because each search would have to read its list of pending rows. Statistics
# would cost time and are not used: the form of the query allows only one plan.
CREATE = (
    "CREATE TABLE IF NOT EXISTS {table} (rowid bigint PRIMARY KEY, tokens tsvector NOT NULL)",
    "ALTER TABLE {table} ALTER COLUMN tokens SET STATISTICS 0",
    "CREATE INDEX IF NOT EXISTS {table}_tokens ON {table} USING gin (tokens) "
    "WITH (fastupdate = off)",
)

# `rowid + 0`: the primary key's index must not be used, because the scan would read all rows that
# do not match.
_ROWS = """
SELECT found.rowid
FROM generate_series(%s, %s, -1) WITH ORDINALITY AS stretch (number, place)
CROSS JOIN LATERAL (SELECT replace(%s, '~', stretch.number::text)::tsquery AS query) AS asked
CROSS JOIN LATERAL (
    SELECT rowid FROM {table}
    WHERE tokens @@ asked.query AND rowid + 0 < %s
    ORDER BY rowid + 0 DESC LIMIT %s
) AS found
ORDER BY stretch.place, found.rowid DESC
LIMIT %s
"""

# The query differs from row to row, so no plan can use the index of tokens: each row is looked up.
_MATCHING = """
SELECT rowid FROM {table}
WHERE rowid = ANY(%s) AND tokens @@ replace(%s, '~', (rowid >> %s)::text)::tsquery
"""

# `MATERIALIZED`: without it the planner would scan the table for the first row.
_NEWEST_STRETCH = """
SELECT stretch.number
FROM generate_series(%s, %s, -1) WITH ORDINALITY AS stretch (number, place)
CROSS JOIN LATERAL (
    WITH matches AS MATERIALIZED (
        SELECT 1 FROM {table}
        WHERE tokens @@ replace(%s, '~', stretch.number::text)::tsquery
    )
    SELECT FROM matches LIMIT 1
) AS found
ORDER BY stretch.place
LIMIT 1
"""


def put(
    table: str,
    rows: Sequence[tuple[int, Sequence[int], Sequence[str]]],
    *,
    are_new: bool,  # makes no difference here
) -> None:
    """Write rows, given as (key, teams, terms)."""
    lines = [
        " ".join(f"{team}.{stretch_of(row)}.{term}" for team in teams for term in terms)
        for row, teams, terms in rows
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (rowid, tokens) "  # noqa: S608
            "SELECT given.row, array_to_tsvector(string_to_array(given.line, ' ')) "
            "FROM unnest(%s::bigint[], %s::text[]) AS given (row, line) "
            "ON CONFLICT (rowid) DO UPDATE SET tokens = excluded.tokens",
            [[row for row, _, _ in rows], lines],
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
    asked = " & ".join(_asked(team, term) for term in terms)
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.format(table=table), [newest, oldest, asked, before, limit, limit])
        return [row for (row,) in cursor.fetchall()]


def matching(table: str, rows: Sequence[int], *, team: int, terms: Sequence[Term]) -> set[int]:
    """Return those of `rows` that have all `terms`."""
    asked = " & ".join(_asked(team, term) for term in terms)
    with connection.cursor() as cursor:
        cursor.execute(_MATCHING.format(table=table), [list(rows), asked, BITS])
        return {row for (row,) in cursor.fetchall()}


def newest_stretch(table: str, *, team: int, term: Term, newest: int, oldest: int) -> int | None:
    """Return the newest of these stretches in which `term` occurs, or None."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_STRETCH.format(table=table), [newest, oldest, _asked(team, term)])
        found = cursor.fetchone()
    return found[0] if found else None


def tokens(table: str, rows: Sequence[int]) -> dict[int, set[str]]:
    """Return the stored tokens of each of `rows` that is in the index."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT rowid, tsvector_to_array(tokens) FROM {table} WHERE rowid = ANY(%s)",  # noqa: S608
            [list(rows)],
        )
        return {row: set(stored) for row, stored in cursor.fetchall()}


def replace(table: str, row: int, old: Sequence[str], new: Sequence[str]) -> None:
    """Replace tokens of a row, whatever others it has at that moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET tokens = "  # noqa: S608
            "ts_delete(tokens, %s::text[]) || array_to_tsvector(%s::text[]) "
            "WHERE rowid = %s",
            [list(old), list(new), row],
        )


def _asked(team: int, term: Term) -> str:
    return f"'{team}.~.{term.text}'" + (":*" if term.is_beginning else "")
