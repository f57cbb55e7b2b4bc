"""Empties the database after a test with real transactions, faster than Django's `flush`.

`flush` truncates every table, and then makes content types, permissions, groups and prices anew.
This deletes the rows of the tables that have some, and leaves what the migrations have made.
"""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts import append_only

Rows = list[tuple[Any, ...]]


class Start:
    """The rows that the migrations have made, by table."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._tables = connection.introspection.django_table_names(
            only_existing=True, include_views=False
        )
        self._rows = {table: self._read(table) for table in self._with_rows()}

    def restore(self) -> None:
        """Make each table as it was, the triggers of the append-only ones included."""
        with append_only.lifted(self._connection), transaction.atomic():
            for table in self._with_rows() | self._rows.keys():
                self._restore(table)
        ContentType.objects.clear_cache()

    def _restore(self, table: str) -> None:
        rows = self._rows.get(table, [])
        if rows and self._read(table) == rows:
            return
        with self._connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")
            if rows:
                places = ", ".join(["%s"] * len(rows[0]))
                cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)

    def _with_rows(self) -> set[str]:
        asked = " UNION ALL ".join(
            f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in self._tables
        )
        with self._connection.cursor() as cursor:
            cursor.execute(asked)
            return {table for (table,) in cursor.fetchall()}

    def _read(self, table: str) -> Rows:
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
            return cursor.fetchall()
