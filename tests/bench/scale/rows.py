"""Makes very many rows from one, with SQL only."""

from typing import Any

from django.db import connection
from django.db.models import GeneratedField, Model

START = 1_704_067_200  # seconds: 1 January 2024


def multiply(template: Model, count: int, values: dict[str, str]) -> int:
    """Add `count` copies of the row `template`; return the key before that of the first copy.

    `values` maps columns to SQL expressions, in which `i` counts from 1.
    """
    table, first = template._meta.db_table, template.pk
    columns = [
        field.column
        for field in template._meta.concrete_fields
        if not isinstance(field, GeneratedField)
    ]
    values = {"id": f"{first} + i", "uuid": new_uuid()} | values
    chosen = [values.get(name, f'template."{name}"') for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(chosen)} "
        f"FROM {series(count)} CROSS JOIN {table} AS template WHERE template.id = {first}"
    )
    if on_postgresql():
        execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {first + count})")
    return first


def execute(sql: str, parameters: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def on_postgresql() -> bool:
    return connection.vendor == "postgresql"


def series(count: int) -> str:
    """SQL for a table with the column `i`, from 1 to `count`."""
    if on_postgresql():
        return f"generate_series(1, {count}) AS series (i)"
    return (
        f"(WITH RECURSIVE counted (i) AS (SELECT 1 WHERE {count} > 0 UNION ALL "
        f"SELECT i + 1 FROM counted WHERE i < {count}) SELECT i FROM counted) AS series"
    )


def new_uuid() -> str:
    return "gen_random_uuid()" if on_postgresql() else "lower(hex(randomblob(16)))"


def moment(seconds: str) -> str:
    """SQL for the time that is `seconds` after `START`."""
    if on_postgresql():
        return f"to_timestamp({START} + {seconds})"
    return f"strftime('%Y-%m-%d %H:%M:%f', {START} + {seconds}, 'unixepoch')"


def analyse() -> None:
    """Update the planner's statistics, as the database does later by itself."""
    execute("ANALYZE")


def vacuum() -> None:
    """Do what PostgreSQL later does by itself after many inserts: index-only scans need it."""
    execute("VACUUM (ANALYZE)")
