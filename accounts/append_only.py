"""Tables whose rows the database itself refuses to change.

Triggers refuse UPDATE, DELETE, REPLACE and TRUNCATE on records, on their teams, on their seal and
on entries. A payload may be emptied, and nothing else. The triggers are installed after every
migration, because SQLite silently drops a table's triggers when a migration rebuilds it.
`accounts.checks` proves at start that they exist.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

FROZEN = (
    "accounts_record",
    "accounts_recordteam",
    "accounts_entry",
    "accounts_leaf",
    "accounts_subtree",
    "accounts_checkpoint",
    "accounts_logkey",
)
ERASABLE = {"accounts_recordpayload": ("salt", "data")}
TABLES = (*FROZEN, *ERASABLE)
# The primary keys that are not called `id`.
KEYS = {"accounts_leaf": "place"}

_SQLITE_FROZEN = (
    "CREATE TRIGGER IF NOT EXISTS {t}_no_update BEFORE UPDATE ON {t} "
    "BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
)
_SQLITE_ERASABLE = (
    "CREATE TRIGGER IF NOT EXISTS {t}_no_update BEFORE UPDATE ON {t} "
    "WHEN NEW.id IS NOT OLD.id OR NEW.record_id IS NOT OLD.record_id OR {kept} "
    "BEGIN SELECT RAISE(ABORT, '{t} may only be emptied'); END",
)
# `no_replace` is needed because REPLACE fires no delete trigger by default.
_SQLITE_COMMON = (
    "CREATE TRIGGER IF NOT EXISTS {t}_no_delete BEFORE DELETE ON {t} "
    "BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS {t}_no_replace BEFORE INSERT ON {t} "
    "WHEN EXISTS (SELECT 1 FROM {t} WHERE {key} = NEW.{key}) "
    "BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
)
_SQLITE_TRIGGERS = ("no_update", "no_delete", "no_replace")

_POSTGRESQL_REFUSE = (
    "CREATE OR REPLACE FUNCTION {t}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION '{t} is append-only' USING ERRCODE = 'restrict_violation'; END $$"
)
_POSTGRESQL_ERASABLE_REFUSE = (
    "CREATE OR REPLACE FUNCTION {t}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF TG_OP = 'UPDATE' AND NEW.id = OLD.id AND NEW.record_id = OLD.record_id AND {emptied} "
    "THEN RETURN NEW; END IF; "
    "RAISE EXCEPTION '{t} may only be emptied' USING ERRCODE = 'restrict_violation'; END $$"
)
# ALWAYS: `session_replication_role = replica` must not switch them off.
_POSTGRESQL_TRIGGERS = (
    "DROP TRIGGER IF EXISTS {t}_no_change ON {t}",
    "CREATE TRIGGER {t}_no_change BEFORE UPDATE OR DELETE ON {t} "
    "FOR EACH ROW EXECUTE FUNCTION {t}_refuse()",
    "DROP TRIGGER IF EXISTS {t}_no_truncate ON {t}",
    "CREATE TRIGGER {t}_no_truncate BEFORE TRUNCATE ON {t} "
    "FOR EACH STATEMENT EXECUTE FUNCTION {t}_refuse()",
    "ALTER TABLE {t} ENABLE ALWAYS TRIGGER {t}_no_change",
    "ALTER TABLE {t} ENABLE ALWAYS TRIGGER {t}_no_truncate",
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Install the triggers on every append-only table. Does nothing where they exist."""
    _execute(connection, [sql for table in TABLES for sql in _install_sql(connection, table)])


def remove(connection: BaseDatabaseWrapper) -> None:
    """Remove the triggers. Only for tests that empty their tables."""
    _execute(connection, [sql for table in TABLES for sql in _remove_sql(connection, table)])


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Remove the triggers for the block, and install them again afterwards."""
    remove(connection)
    try:
        yield
    finally:
        install(connection)


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of the triggers that are missing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            if connection.vendor == "sqlite"
            else "SELECT tgname FROM pg_trigger WHERE tgenabled = 'A'"
        )
        present = {row[0] for row in cursor.fetchall()}
    names = _SQLITE_TRIGGERS if connection.vendor == "sqlite" else ("no_change", "no_truncate")
    expected = [f"{table}_{name}" for table in TABLES for name in names]
    return [name for name in expected if name not in present]


def install_after_migrate(using: str, **kwargs: Any) -> None:
    """Receiver of `post_migrate`."""
    connection = connections[using]
    if set(TABLES) <= set(connection.introspection.table_names()):
        install(connection)


def _install_sql(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    columns = ERASABLE.get(table)
    if connection.vendor == "sqlite":
        first = _SQLITE_ERASABLE if columns else _SQLITE_FROZEN
        templates: tuple[str, ...] = (*first, *_SQLITE_COMMON)
    elif connection.vendor == "postgresql":
        refuse = _POSTGRESQL_ERASABLE_REFUSE if columns else _POSTGRESQL_REFUSE
        templates = (refuse, *_POSTGRESQL_TRIGGERS)
    else:
        raise NotImplementedError(f"no append-only triggers for {connection.vendor}")
    kept = " OR ".join(f"NEW.{column} IS NOT NULL" for column in columns or ())
    emptied = " AND ".join(f"NEW.{column} IS NULL" for column in columns or ())
    key = KEYS.get(table, "id")
    return [sql.format(t=table, kept=kept, emptied=emptied, key=key) for sql in templates]


def _remove_sql(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    if connection.vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {table}_{name}" for name in _SQLITE_TRIGGERS]
    return [
        f"DROP TRIGGER IF EXISTS {table}_{name} ON {table}" for name in ("no_change", "no_truncate")
    ]


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql, None)
