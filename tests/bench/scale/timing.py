"""The time and queries that a call takes, and the plan of its slowest query."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.bench.scale.rows import on_postgresql

ROUNDS = 60


@dataclass(frozen=True)
class Timing:
    """Wall time in milliseconds, and the number of queries. Other load changes `best` the least."""

    best: float
    p50: float
    p95: float
    queries: int


def timed(act: Callable[[], object]) -> Timing:
    act()
    with CaptureQueriesContext(connection) as captured:
        act()
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    return Timing(taken[0], taken[ROUNDS // 2], taken[int(ROUNDS * 0.95)], len(captured))


def print_plan(act: Callable[[], object]) -> None:
    """Print the plan of the slowest query of `act`."""
    with CaptureQueriesContext(connection) as captured:
        act()
    slowest = max(captured.captured_queries, key=lambda query: float(query["time"]))["sql"]
    explain = "EXPLAIN (ANALYZE, BUFFERS)" if on_postgresql() else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {slowest}")
        for row in cursor.fetchall():
            print("   ", str(row[-1])[:160])
