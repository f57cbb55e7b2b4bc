"""What pages cost: time, processor time, and the queries with the time that the database takes."""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tests.bench.browser import HELLO_MS, Browser, hello

ROUNDS = 30

Call = Callable[[], None]
Page = tuple[str, Call]


@dataclass(frozen=True)
class Measured:
    """A page, in milliseconds. `cpu` is of this process, `selects` the time of all its SELECTs."""

    name: str
    p50: float
    p95: float
    cpu: float
    selects: float
    queries: int


def page(browser: Browser, url: str) -> Callable[[], None]:
    """A call that asks for a page, which must be there."""

    def get() -> None:
        browser.get(url)
        assert browser.status.startswith("200"), (url, browser.status)

    return get


def print_all(pages: Iterable[Page], *, target: float) -> bool:
    """Measure and print pages.

    Returns whether one took more processor time than `target`, which grows with that of `hello`.
    """
    missed, slowness = False, 0.0
    head = "".join(f"{name:>9}" for name in ("p50 ms", "p95 ms", "CPU ms", "SELECTs", "queries"))
    print(f"{connection.vendor:<50}{head}")
    for name, call in [("hello", hello()), *pages]:
        found = measured(name, call)
        slowness = slowness or found.cpu / HELLO_MS
        missed |= found.cpu > target * slowness
        print(
            f"{found.name:<50}{found.p50:>9.1f}{found.p95:>9.1f}{found.cpu:>9.1f}"
            f"{found.selects:>9.1f}{found.queries:>9}",
            flush=True,
        )
    return missed


def measured(name: str, call: Callable[[], None]) -> Measured:
    """Call a page several times. The figures but `p95` are medians."""
    call()
    wall, cpu, selects, queries = list[float](), list[float](), list[float](), 0
    for _ in range(ROUNDS):
        taken: list[tuple[str, float]] = []
        with connection.execute_wrapper(_noting(taken)):
            started, worked = time.perf_counter(), time.process_time()
            call()
            wall.append((time.perf_counter() - started) * 1000)
            cpu.append((time.process_time() - worked) * 1000)
        selects.append(sum(took for sql, took in taken if sql.lstrip()[:6] in ("SELECT", "WITH R")))
        queries = len(taken)
    p95 = statistics.quantiles(wall, n=20)[18]
    medians = (statistics.median(each) for each in (wall, cpu, selects))
    middle, worked, asked = medians
    return Measured(name, middle, p95, worked, asked, queries)


def _noting(taken: list[tuple[str, float]]) -> Callable[..., Any]:
    """Add each statement to `taken`, with the milliseconds that the database took."""

    def noting(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            taken.append((sql, (time.perf_counter() - started) * 1000))

    return noting
