"""What a page asks of the database: how many queries, and how the database answers them."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def queries_of(act: Callable[[], object]) -> int:
    """How many queries a second `act()` needs; the first fills the caches of the process."""
    act()
    return queries_once(act)


def queries_once(act: Callable[[], object]) -> int:
    """How many queries `act()` needs."""
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)


def plans_of(act: Callable[[], object], table: str) -> list[str]:
    """The plan of each query of `act` that selects from `table` first."""
    return _plans(act, lambda sql: sql.startswith(f'SELECT "{table}"'))


def plans_with(act: Callable[[], object], part: str) -> list[str]:
    """The plan of each query of `act` that contains `part`."""
    return _plans(act, lambda sql: part in sql)


def _plans(act: Callable[[], object], is_chosen: Callable[[str], bool]) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        act()
    pages = [query["sql"] for query in asked if is_chosen(query["sql"])]
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # With few rows any plan is as cheap: rule out what many rows would rule out.
            for kind in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
                cursor.execute(f"SET LOCAL enable_{kind} = off")
        return [_plan(cursor, f"{explain} {sql}") for sql in pages]


def _plan(cursor, sql) -> str:
    cursor.execute(sql, None)
    return "\n".join(str(row[-1]) for row in cursor.fetchall())
