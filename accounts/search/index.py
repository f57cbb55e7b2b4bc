"""An index of the words of rows, in a table beside theirs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType

from django.db import connection

from accounts.search import postgresql, sqlite, stretches
from accounts.search.stretches import Term, first_of, stretch_of
from accounts.search.tokens import Query, tokens_of


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
class Found:
    """Rows that match, newest first.

    `rest` is where the search stopped: it has not read the rows older than this key. None if it has
    read all. If fewer rows were found than asked for, `rest` is the first key of a stretch.
    """

    rows: list[int]
    rest: int | None = None


@dataclass(frozen=True)
class Index:
    """The index stored in `table`, which the operation `CreateSearchTable` makes.

    A row is named by its primary key, a positive number; a newer row has a higher one.
    """

    table: str

    def put(self, entries: Iterable[IndexedRow], *, are_new: bool = False) -> None:
        """Add rows, or replace their tokens. Call it in the transaction that writes the rows.

        With `are_new`, none of them is in the index.
        """
        rows = [(each.row, each.teams, _terms(each)) for each in entries]
        if rows:
            _backend().put(self.table, rows, are_new=are_new)

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows from the index."""
        if not rows:
            return
        with connection.cursor() as cursor:
            marks = ", ".join(["%s"] * len(rows))
            cursor.execute(f"DELETE FROM {self.table} WHERE rowid IN ({marks})", rows)  # noqa: S608

    def relabel(self, row: int, *, of: Sequence[str], to: str) -> None:
        """Replace the labels `of` that a row has by the label `to`. All else about it stays."""
        stored = _backend().tokens(self.table, [row]).get(row, set())
        old = [token for token in stored for label in of if token.endswith(f".{_as_term(label)}")]
        new = [f"{token.rpartition(':')[0]}{_as_term(to)}" for token in old]
        if old and set(old) != set(new):
            _backend().replace(self.table, row, old, new)

    def newest(
        self,
        query: Query,
        *,
        team: int,
        labels: Sequence[str] = (),
        before: int | None = None,
        since: int = 0,
        limit: int,
    ) -> Found:
        """Return the newest rows that match `query` and have all `labels`, at most `limit`.

        With `before`, only rows older than that one, which is of this index or what `end` returned;
        with `since`, only that row and newer ones. Without words and labels, nothing is found. The
        search stops after so many stretches, even if it has found nothing. To go on, call it again
        with `rest` as `before`.
        """
        terms = _asked(query, labels)
        before = self.end() if before is None else before
        if limit < 1 or before <= since or not terms:
            return Found([])
        return self._search(team, terms, before=before, since=since, limit=limit)

    def end(self, before: int | None = None) -> int:
        """The key above those of all rows, or `before` if that is lower.

        Above the newest row, a search would look at stretches that have no rows.
        """
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT coalesce(max(rowid), 0) FROM {self.table}")  # noqa: S608
            above = cursor.fetchone()[0] + 1
        return above if before is None else min(above, before)

    def _search(
        self, team: int, terms: Sequence[Term], *, before: int, since: int, limit: int
    ) -> Found:
        stretch, end = stretch_of(before - 1), stretch_of(since)
        last = max(end, stretch - stretches.MOST_PASSED + 1)
        # With one term, only stretches with a match take long, and they soon fill the page.
        most = stretches.MOST_READ if len(terms) > 1 else stretches.MOST_PASSED
        at_once = stretches.READ_AT_ONCE if len(terms) > 1 else most
        rows: list[int] = []
        for done in range(0, most, at_once):
            if done:
                stretch = self._pass_over(team, terms, newest=stretch, oldest=last)
            if stretch < last:
                break
            oldest = max(last, stretch - at_once + 1)
            rows += _backend().read(
                self.table,
                team=team,
                terms=terms,
                newest=stretch,
                oldest=oldest,
                before=before,
                limit=limit - len(rows),
            )
            if rows and rows[-1] < since:
                return Found([row for row in rows if row >= since])
            if len(rows) == limit:
                return Found(rows, rows[-1])
            stretch = oldest - 1
        return Found(rows, first_of(stretch + 1) if stretch >= end else None)

    def matching(
        self, rows: Sequence[int], query: Query, *, team: int, labels: Sequence[str] = ()
    ) -> set[int]:
        """Return those of `rows` that match `query` and have all `labels`."""
        terms = _asked(query, labels)
        if not rows or not terms:
            return set()
        return _backend().matching(self.table, rows, team=team, terms=terms)

    def _pass_over(self, team: int, terms: Sequence[Term], *, newest: int, oldest: int) -> int:
        """The newest stretch that may have all terms: one of them occurs in no newer stretch.

        If no stretch down to `oldest` has them, the one before `oldest`.
        """
        for term in terms:
            if newest < oldest:
                break
            found = _backend().newest_stretch(
                self.table, team=team, term=term, newest=newest, oldest=oldest
            )
            newest = oldest - 1 if found is None else found
        return newest

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


def _asked(query: Query, labels: Sequence[str]) -> list[Term]:
    whole = [*query.tokens, *map(_as_term, labels)]
    beginning = [Term(query.beginning, is_beginning=True)] if query.beginning else []
    return [*map(Term, whole), *beginning]


def _terms(entry: IndexedRow) -> list[str]:
    return [*tokens_of(entry.text), *map(_as_term, entry.labels)]


def _as_term(key: str) -> str:
    """A key as a term. The colon keeps it apart from words, which have none."""
    return f":{key}"


def _backend() -> ModuleType:
    return postgresql if connection.vendor == "postgresql" else sqlite
