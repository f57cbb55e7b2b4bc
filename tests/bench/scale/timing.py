"""The time, queries and buffers that a call takes, and the plan of its slowest query."""

import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from tests.bench.scale.rows import on_postgresql

ROUNDS = 40


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call, and its number of queries. `best`, `p50` and `p95` are wall time.

    `cpu` is the median CPU time of this thread and of the database server, `cpu_p95` that of the
    slowest twentieth, `database` the median of the server alone. Other load changes them and `best`
    the least. `buffers` is how many blocks of 8 kB PostgreSQL looks at; SQLite does not count them,
    and its time is that of the thread.
    """

    best: float
    p50: float
    p95: float
    cpu: float
    cpu_p95: float
    database: float
    queries: int
    buffers: int


def timed(act: Callable[[], object]) -> Timing:
    act()
    asked = queries_of(act)
    taken, worked, served = [], [], []
    for _ in range(ROUNDS):
        started, busy, serving = time.perf_counter(), cpu_seconds(), _server_seconds()
        act()
        taken.append((time.perf_counter() - started) * 1000)
        worked.append((cpu_seconds() - busy) * 1000)
        served.append((_server_seconds() - serving) * 1000)
    taken.sort()
    worked.sort()
    middle, late = ROUNDS // 2, int(ROUNDS * 0.95)
    return Timing(
        best=taken[0],
        p50=taken[middle],
        p95=taken[late],
        cpu=worked[middle],
        cpu_p95=worked[late],
        database=statistics.median(served),
        queries=len(asked),
        buffers=sum(_buffers(sql, parameters) for _seconds, sql, parameters in asked),
    )


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
    heads = ("best ms", "p50 ms", "p95 ms", "CPU ms", "CPU p95", "DB ms", "queries", "buffers")
    print(f"{title:<42}{''.join(f'{head:>9}' for head in heads)}")
    figures = {}
    for act in acts.values():
        act()
    gc.freeze()  # as in a web worker
    for name, act in acts.items():
        figures[name] = timing = timed(act)
        times = timing.best, timing.p50, timing.p95, timing.cpu, timing.cpu_p95, timing.database
        counts = f"{timing.queries:>9}{timing.buffers:>9,}"
        print(f"{name:<42}{''.join(f'{ms:>9.1f}' for ms in times)}{counts}", flush=True)
    return figures


def _buffers(sql: str, parameters: Any) -> int:
    """The blocks that PostgreSQL looks at for a query; 0 for what is no query, and on SQLite."""
    if not on_postgresql() or not sql.lstrip().upper().startswith(("SELECT", "WITH", "(SELECT")):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", parameters)
        found = cursor.fetchone()[0]
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


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
