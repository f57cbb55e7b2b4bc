"""Removes from the database what deleted and changed rows leave behind in its files and caches.

A DELETE or UPDATE alone leaves the old text in free space, in the write-ahead log and in the
segments of a search table. `scrub` removes it, outside any transaction, and may be repeated.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.apps import apps
from django.core.cache import caches
from django.core.cache.backends.filebased import FileBasedCache
from django.db import connection

from accounts.search.schema import IndexedText

# Pages of a search table that one statement merges, so that others can write in between.
MERGED_PAGES = 500
# More than the merges of any search table.
MOST_MERGES = 100_000


class NotYet(Exception):
    """The remains could not be removed now. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


BUSY = "database_busy"
NEEDS_OWNER = "needs_owner"
TOO_LARGE = "database_too_large"

# VACUUM locks a file of SQLite for a second per 40 MB on a slow disk. A larger one would keep
# writers waiting for longer than their 20 seconds, and workers whose heartbeat waits for 30 end.
LARGEST_AT_ONCE = 256 * 2**20


def overwrite_deleted() -> None:
    """Let this connection overwrite what it deletes. Only SQLite needs it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")


def scrub(tables: Sequence[str], *, since: datetime) -> None:
    """Remove the remains of what was erased in `tables` before `since`. Raises NotYet.

    A large file of SQLite is left to `vacuum_file`, because it cannot be written to meanwhile.
    """
    if connection.vendor == "postgresql":
        _vacuum_postgresql(sorted({*tables, *_search_tables()}), since)
    elif _file_bytes() <= LARGEST_AT_ONCE:
        vacuum_file()
    else:
        _merge_all()
        _empty_write_ahead_log()
        raise NotYet(TOO_LARGE)


def vacuum_as_owner(tables: Sequence[str], *, full: bool) -> None:
    """VACUUM tables on PostgreSQL, as a role that owns them.

    With `full`, the tables are rewritten, and nobody can use them meanwhile.
    """
    with connection.cursor() as cursor:
        for table in sorted({*tables, *_search_tables()}):
            cursor.execute(f"VACUUM {'(FULL) ' if full else ''}{table}")


def drop_expired() -> None:
    """Empty a shared cache that is a folder: it keeps files of expired values until it is full.

    Every other cache drops a value when its time is over.
    """
    shared = caches["shared"]
    if isinstance(shared, FileBasedCache):
        shared.clear()


def _search_tables() -> list[str]:
    return [model._meta.db_table for model in apps.get_models() if issubclass(model, IndexedText)]


# --- SQLite --------------------------------------------------------------------------------------


def vacuum_file() -> None:
    """Write the file of SQLite anew, without the remains of what was erased. Raises NotYet.

    Nobody can write to it meanwhile. It needs twice its size on the disk.
    """
    _merge_all()
    with _temporary_files(), connection.cursor() as cursor:
        cursor.execute("VACUUM")
    _empty_write_ahead_log()


@contextmanager
def _temporary_files() -> Iterator[None]:
    """Let SQLite keep temporary data on the disk: VACUUM makes a copy of the whole database."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA temp_store")
        (before,) = cursor.fetchone()
        cursor.execute("PRAGMA temp_store = FILE")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA temp_store = {before}")


def _file_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        size: int = cursor.fetchone()[0]
    return size


def _empty_write_ahead_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy, *_pages = cursor.fetchone()
    if is_busy:  # somebody reads an older state: the log still holds it
        raise NotYet(BUSY)


def _merge_all() -> None:
    overwrite_deleted()
    for table in _search_tables():
        _merge(table)


def _merge(table: str) -> None:
    """Merge all segments of a search table into one, which drops the words of deleted rows.

    See "The merge command" in https://sqlite.org/fts5.html: a negative number begins a merge of
    all segments, and fewer than two changes mean that nothing was left to do.
    """
    with connection.cursor() as cursor:
        for number in range(MOST_MERGES):
            before = connection.connection.total_changes
            pages = MERGED_PAGES if number else -MERGED_PAGES
            cursor.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', %s)", [pages])  # noqa: S608
            if connection.connection.total_changes - before < 2:
                return


# --- PostgreSQL ----------------------------------------------------------------------------------


def _vacuum_postgresql(tables: Sequence[str], since: datetime) -> None:
    if is_read_as_of(since):
        raise NotYet(BUSY)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE oid IN "
            "(SELECT to_regclass(name) FROM unnest(%s::text[]) AS name) "
            "AND pg_has_role(relowner, 'USAGE')",
            [list(tables)],
        )
        own = {name for (name,) in cursor.fetchall()}
        for table in sorted(own):
            cursor.execute(f"VACUUM {table}")
    left = set(tables) - own
    if left and not _vacuumed(sorted(left), since):
        raise NotYet(NEEDS_OWNER)


def is_read_as_of(moment: datetime) -> bool:
    """Whether a transaction may still read the rows of that moment, so that VACUUM leaves them.

    PostgreSQL shows a role only the transactions of the roles that it belongs to.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL AND xact_start < %s)",
            [moment],
        )
        is_read: bool = cursor.fetchone()[0]
    return is_read


def _vacuumed(tables: Sequence[str], since: datetime) -> bool:
    """Whether the owner or the server has vacuumed all tables since then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_user_tables WHERE relname = ANY(%s) "
            "AND schemaname = current_schema() AND greatest(last_vacuum, last_autovacuum) > %s",
            [list(tables), since],
        )
        return cursor.fetchone()[0] == len(tables)
