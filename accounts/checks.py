"""System checks that must pass before the studio serves anyone."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections, transaction

from accounts import append_only


@register(Tags.database)
def append_only_tables_refuse_changes(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that each trigger exists and that the database really refuses an update."""
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
            f"The database accepts changes to {table}.",
            hint="Run `manage.py migrate`, and use a database role that is no superuser.",
            id="accounts.E002",
        )
        for table in append_only.FROZEN
        if _accepts_update(alias, table)
    ]


class _RolledBack(Exception):
    pass


def _accepts_update(alias: str, table: str) -> bool:
    """Try an update that changes nothing, and roll it back. False if the table is empty."""
    key = append_only.KEYS.get(table, "id")
    try:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            first = f"(SELECT MIN({key}) FROM {table})"  # noqa: S608
            cursor.execute(f"UPDATE {table} SET {key} = {key} WHERE {key} = {first}")  # noqa: S608
            changed = cursor.rowcount
            raise _RolledBack
    except DatabaseError:
        return False
    except _RolledBack:
        return changed > 0
