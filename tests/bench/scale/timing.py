"""The time and queries that a call takes, and the plan of its slowest query."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from tests.bench.scale.rows import on_postgresql

ROUNDS = 60


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call, and its number of queries. `best`, `p50` and `p95` are wall time.

    `cpu` is the median CPU time of this thread and of the database server. Other load changes it
    and `best` the least.
    """

    best: float
    p50: float
    p95: float
    cpu: float
    queries: int


def timed(act: Callable[[], object]) -> Timing:
    act()
    asked = queries_of(act)
    taken, worked = [], []
    for _ in range(ROUNDS):
        started, busy = time.perf_counter(), cpu_seconds()
        act()
        taken.append((time.perf_counter() - started) * 1000)
        worked.append((cpu_seconds() - busy) * 1000)
    taken.sort()
    cpu = statistics.median(worked)
    return Timing(taken[0], taken[ROUNDS // 2], taken[int(ROUNDS * 0.95)], cpu, len(asked))


def queries_of(act: Callable[[], object]) -> list[tuple[float, str, Any]]:
    """The seconds, the SQL and the parameters of each query of `act`."""
    asked = []

    def noted(execute: Callable[..., Any], sql: str, parameters: Any, *rest: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, parameters, *rest)
        finally:
            asked.append((time.perf_counter() - started, sql, parameters))

    with connection.execute_wrapper(noted):  # a request empties Django's list of queries
        act()
    return asked


def measured(acts: Mapping[str, Callable[[], object]], *, title: str) -> dict[str, Timing]:
    """Time each of `acts` and print a table of them."""
    print(f"{title:<42}{'best ms':>9}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'queries':>9}")
    figures = {}
    for name, act in acts.items():
        figures[name] = timing = timed(act)
        times = timing.best, timing.p50, timing.p95, timing.cpu
        print(f"{name:<42}{''.join(f'{ms:>9.1f}' for ms in times)}{timing.queries:>9}", flush=True)
    return figures


def cpu_seconds() -> float:
    """CPU time of this thread and of its server process, if that runs here under Linux."""
    return time.thread_time() + _server_seconds()


def _server_seconds() -> float:
    if not on_postgresql():
        return 0.0
    connection.ensure_connection()
    schedule = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return int(schedule.read_text().split()[0]) / 1e9 if schedule.exists() else 0.0


def print_plan(act: Callable[[], object]) -> None:
    """Print the plan of the slowest query of `act`."""
    _seconds, sql, parameters = max(queries_of(act), key=lambda query: query[0])
    explain = "EXPLAIN (ANALYZE, BUFFERS)" if on_postgresql() else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}", parameters)
        for row in cursor.fetchall():
            print("   ", str(row[-1])[:160])
