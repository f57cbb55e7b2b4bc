"""System checks: what must hold before the studio serves anyone."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections, transaction

from accounts import append_only


@register(Tags.database)
def append_only_tables_refuse_changes(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Every trigger is there, and an update is really refused."""
    return [error for alias in databases or () for error in _errors(alias)]


def _errors(alias: str) -> list[CheckMessage]:
    connection = connections[alias]
    if not set(append_only.TABLES) <= set(connection.introspection.table_names()):
        return []
    if gone := append_only.missing(connection):
        return [
            Error(
                f"The log and the ledger can be changed: triggers are missing ({', '.join(gone)}).",
                hint="Run `manage.py migrate`, which puts them back.",
                id="accounts.E001",
            )
        ]
    return [
        Error(
            f"The database accepts a change of {table}.",
            hint="Run `manage.py migrate`; let the studio's database role own no superuser rights.",
            id="accounts.E002",
        )
        for table in append_only.FROZEN
        if _accepts_update(alias, table)
    ]


class _RolledBack(Exception):
    pass


def _accepts_update(alias: str, table: str) -> bool:
    """Try a change that changes nothing, and roll it back. An empty table proves nothing: False."""
    try:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET id = id WHERE id = (SELECT MIN(id) FROM {table})")  # noqa: S608
            changed = cursor.rowcount
            raise _RolledBack
    except DatabaseError:
        return False
    except _RolledBack:
        return changed > 0
