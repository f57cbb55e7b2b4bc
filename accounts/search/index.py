"""An index of the words of rows, in a table beside theirs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

from django.db import connection

from accounts.search import postgresql, sqlite
from accounts.search.tokens import Query, tokens_of

# Rows in the first batch, and the most rows in a later one.
FIRST_BATCH, LARGEST_BATCH = 64, 2048


@dataclass(frozen=True)
class IndexedRow:
    """What finds a row: the words of `text`, and `labels`, which match exactly.

    `row` is its primary key, `teams` are those of the teams that may find it. Labels are letters
    and digits, such as `u12`.
    """

    row: int
    teams: Sequence[int]
    text: str
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Index:
    """The index stored in `table`, which the operation `CreateSearchTable` makes.

    A row is named by its primary key, a positive number; a newer row has a higher one.
    """

    table: str

    def put(self, entries: Iterable[IndexedRow]) -> None:
        """Add rows, or replace their tokens. Call it in the transaction that writes the rows."""
        rows = [(each.row, each.teams, _terms(each)) for each in entries]
        if rows:
            _backend().put(self.table, rows)

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows from the index."""
        if not rows:
            return
        with connection.cursor() as cursor:
            marks = ", ".join(["%s"] * len(rows))
            cursor.execute(f"DELETE FROM {self.table} WHERE rowid IN ({marks})", rows)  # noqa: S608

    def newest(
        self,
        query: Query,
        *,
        team: int,
        labels: Sequence[str] = (),
        before: int | None = None,
        limit: int,
    ) -> list[int]:
        """Return the newest rows that match `query` and have all `labels`, at most `limit`, newest
        first.

        With `before`, only rows older than that one. Without words and labels, nothing is found.
        """
        whole = [*query.tokens, *map(_as_term, labels)]
        if limit < 1 or not (whole or query.beginning):
            return []
        return _backend().newest(
            self.table,
            team=team,
            whole=whole,
            beginning=query.beginning,
            before=before,
            limit=limit,
        )

    def batches(
        self, query: Query, *, team: int, labels: Sequence[str] = (), before: int | None = None
    ) -> Iterator[list[int]]:
        """Yield all rows that match, newest first, in growing batches, read when needed."""
        size = FIRST_BATCH
        while True:
            rows = self.newest(query, team=team, labels=labels, before=before, limit=size)
            if rows:
                yield rows
            if len(rows) < size:
                return
            before, size = rows[-1], min(2 * size, LARGEST_BATCH)

    def lacking(self, rows: Sequence[int]) -> set[int]:
        """Return those of `rows` that are not in the index."""
        if not rows:
            return set()
        with connection.cursor() as cursor:
            marks = ", ".join(["%s"] * len(rows))
            cursor.execute(
                f"SELECT rowid FROM {self.table} WHERE rowid IN ({marks})",  # noqa: S608
                rows,
            )
            return set(rows) - {row for (row,) in cursor.fetchall()}


def _terms(entry: IndexedRow) -> list[str]:
    return [*tokens_of(entry.text), *map(_as_term, entry.labels)]


def _as_term(key: str) -> str:
    """A key as a term. The colon keeps it apart from words, which have none."""
    return f":{key}"


def _backend() -> ModuleType:
    return postgresql if connection.vendor == "postgresql" else sqlite
