"""The index on PostgreSQL: a `tsvector` with a GIN index. The tokens come from Python.

A GIN index has no order: it returns all rows of a token at once, which are many for a frequent
word. So each token contains its team and its *stretch*, a range of 8,192 primary keys, such as
`7.3.fox` (team 7, stretch 3). A search reads one stretch after the other from the newest, and stops
when it has found enough rows. No step reads more rows than a stretch holds. A stretch without the
word costs one look-up in the index.
"""

from collections.abc import Sequence

from django.db import connection

from accounts.search.stretches import STRETCH_BITS

NEWEST = 2**63 - 1

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
_NEWEST = """
SELECT found.rowid
FROM generate_series(
    least(%s, (SELECT coalesce(max(rowid), 0) FROM {table})) >> %s, 0, -1
) WITH ORDINALITY AS stretch (number, place)
CROSS JOIN LATERAL (SELECT replace(%s, '~', stretch.number::text)::tsquery AS query) AS asked
CROSS JOIN LATERAL (
    SELECT rowid FROM {table}
    WHERE tokens @@ asked.query AND rowid + 0 < %s
    ORDER BY rowid + 0 DESC LIMIT %s
) AS found
ORDER BY stretch.place, found.rowid DESC
LIMIT %s
"""


def put(table: str, rows: Sequence[tuple[int, Sequence[int], Sequence[str]]]) -> None:
    """Write rows, given as (key, teams, terms)."""
    lines = [
        " ".join(f"{team}.{row >> STRETCH_BITS}.{term}" for team in teams for term in terms)
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
    asked = [f"'{team}.~.{term}'" for term in whole]
    if beginning:
        asked.append(f"'{team}.~.{beginning}':*")
    before = NEWEST if before is None else before
    with connection.cursor() as cursor:
        cursor.execute(
            _NEWEST.format(table=table),
            [before - 1, STRETCH_BITS, " & ".join(asked), before, limit, limit],
        )
        return [row for (row,) in cursor.fetchall()]
