"""Tables whose rows the database itself refuses to change.

Triggers refuse UPDATE, DELETE, REPLACE and TRUNCATE on the tables of the log and the ledger. Only a
payload and the reason of an entry may be emptied. The triggers are installed after every migration,
because SQLite silently drops a table's triggers when a migration rebuilds it. `accounts.damage`
looks whether they are as they must be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from django.db import IntegrityError, ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.triggers import postgresql, sqlite

FROZEN = (
    "accounts_record",
    "accounts_recordteam",
    "accounts_leaf",
    "accounts_subtree",
    "accounts_checkpoint",
    "accounts_logkey",
    "accounts_timestamp",
)
# The columns that hold what people wrote, each with its empty value in SQL.
ERASABLE = {
    "accounts_recordpayload": {"salt": "NULL", "data": "NULL"},
    "accounts_entry": {"reason": "''"},
}
TABLES = (*FROZEN, *ERASABLE)


def install(connection: BaseDatabaseWrapper) -> None:
    """Install the triggers on every append-only table that lacks one of them."""
    backend = _backend(connection)
    with connection.cursor() as cursor:
        for table in _kinds(connection):
            if _wanted(backend, cursor, table).items() <= backend.present(cursor, table).items():
                continue
            with transaction.atomic(using=connection.alias):
                _check_keys(connection)
                backend.create(cursor, table, ERASABLE.get(table, {}))


def remove(connection: BaseDatabaseWrapper) -> None:
    """Remove the triggers. Only for tests that empty their tables."""
    with connection.cursor() as cursor:
        for table in _kinds(connection):
            _backend(connection).drop(cursor, table)


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Remove the triggers for the block, and install them again afterwards."""
    _check_keys(connection)
    remove(connection)
    try:
        yield
        _check_keys(connection)
    finally:
        install(connection)


def _check_keys(connection: BaseDatabaseWrapper) -> None:
    """PostgreSQL changes no table of which foreign keys are still to be checked."""
    if connection.in_atomic_block and connection.vendor == "postgresql":
        connection.check_constraints()


def damage(connection: BaseDatabaseWrapper) -> list[str]:
    """Return a sentence for each way in which the tables can be changed; none if they cannot.

    Tables that a later migration makes are left out. Triggers as older versions of the studio
    installed them are no damage: the next migration replaces them. Raises OperationalError if a
    table is locked.
    """
    kinds = _kinds(connection)
    sentences = [f"{table} is no table any more." for table, kind in kinds.items() if kind == "v"]
    if sentences:
        return sentences
    backend = _backend(connection)
    with connection.cursor() as cursor:
        for table in kinds:
            sentences += _wrong_triggers(backend, cursor, table)
    if sentences:
        return sentences
    accepting = [table for table in kinds if table in FROZEN and _accepts_update(connection, table)]
    return [f"The database accepts changes to {table}." for table in accepting]


def install_after_migrate(using: str, **kwargs: Any) -> None:
    """Receiver of `post_migrate`."""
    install(connections[using])


def _backend(connection: BaseDatabaseWrapper) -> ModuleType:
    backends = {"sqlite": sqlite, "postgresql": postgresql}
    if connection.vendor not in backends:
        raise NotImplementedError(f"no append-only triggers for {connection.vendor}")
    return backends[connection.vendor]


def _kinds(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The append-only tables that exist, each with what it is: "v" for a view."""
    with connection.cursor() as cursor:
        found = {info.name: info.type for info in connection.introspection.get_table_list(cursor)}
    return {table: found[table] for table in TABLES if table in found}


def _wanted(backend: ModuleType, cursor: Any, table: str) -> dict[str, str]:
    return backend.wanted(cursor, table, ERASABLE.get(table, {}))


def _wrong_triggers(backend: ModuleType, cursor: Any, table: str) -> Iterator[str]:
    present = backend.present(cursor, table)
    older = backend.older(table)
    for name, description in _wanted(backend, cursor, table).items():
        if name not in present:
            yield f"The trigger {name} is missing or switched off."
        elif present[name] != description and present[name] not in older:
            yield f"The trigger {name} is not the one that the studio installed."


class _RolledBack(Exception):
    pass


def _accepts_update(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Try an update that changes nothing, and roll it back. False if the table is empty.

    Raises OperationalError if nobody can tell, for example because the table is locked.
    """
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            column = connection.introspection.get_primary_key_column(cursor, table)
            cursor.execute(
                f"UPDATE {table} SET {column} = {column} "  # noqa: S608
                f"WHERE {column} = (SELECT MIN({column}) FROM {table})"
            )
            changed = cursor.rowcount
            raise _RolledBack
    except (IntegrityError, ProgrammingError):  # of a trigger, or of a role without the right
        return False
    except _RolledBack:
        return changed > 0
