"""The threads of a worker: one crew for each step.

A crew learns that work may be due from a hint, from the look at the tables every two seconds, or
from one of its threads that has claimed a row and sees more. So one hint does as much as a
thousand, and a lost one costs at most two seconds.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import close_old_connections, connection
from django.db.models import QuerySet

from generations.jobs import in_hand

log = logging.getLogger(__name__)


# How many due rows a thread reads to find one that it has not tried yet.
MOST_READ = 20


@dataclass(frozen=True)
class Round:
    """The work of one thread at a step, from its start until nothing is due.

    `worker` claims the rows, `tried` holds the keys of the rows that were tried, and `more` starts
    another thread if more rows are due. `is_closed` says whether the worker has been told to stop.
    """

    worker: str
    more: Callable[[], None]
    is_closed: Callable[[], bool]
    tried: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Step:
    """One kind of work.

    `is_due` looks without claiming. `do_next` claims one row and works on it; it returns False if
    nothing was due. `threads` is how many threads of one process may do this step at once.
    """

    name: str
    queue: str
    threads: int
    is_due: Callable[[], bool]
    do_next: Callable[[Round], bool]


class Crew:
    """The threads of one step in one worker. Each works until nothing is due."""

    def __init__(self, step: Step, worker: str) -> None:
        self.step = step
        self.worker = worker
        self._closed = False
        self._busy = 0
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(step.threads, thread_name_prefix=step.name)

    @property
    def busy(self) -> int:
        """The number of threads that work now."""
        return self._busy

    def work(self) -> None:
        """Work in this thread until nothing is due, if fewer than `threads` work."""
        if self._enter():
            self._work_and_leave()

    def look(self) -> None:
        """Start one more thread if fewer than `threads` work and something is due."""
        if not self._closed and self._busy < self.step.threads and self.step.is_due():
            self._recruit()

    def close(self) -> None:
        """Claim nothing more; finish the work in hand."""
        self._closed = True

    def wait(self) -> None:
        """Wait until every thread has ended. Close the crew first."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _recruit(self) -> None:
        if not self._enter():
            return
        try:
            self._threads.submit(self._work_and_leave)
        except RuntimeError:  # the process is ending
            self._leave()

    def _enter(self) -> bool:
        with self._lock:
            if self._closed or self._busy >= self.step.threads:
                return False
            self._busy += 1
            return True

    def _leave(self) -> None:
        with self._lock:
            self._busy -= 1

    def _work_and_leave(self) -> None:
        try:
            close_old_connections()
            self._until_nothing_is_due()
        except Exception:
            log.exception("%s broke off; the table is looked at again shortly", self.step.name)
        finally:
            self._leave()
            connection.close()

    def _until_nothing_is_due(self) -> None:
        this_round, did_one = Round(self.worker, self.look, lambda: self._closed), True
        while did_one and not self._closed:
            with in_hand.shift():
                did_one = self.step.do_next(this_round)


def one_by_one(
    due: Callable[[], QuerySet[Any]], do: Callable[[int, str], object]
) -> Callable[[Round], bool]:
    """A `do_next` that calls `do(key, worker)`, which claims the row, for the first untried row.

    A row that is still due after it was tried waits for the next round.
    """

    def do_next(this_round: Round) -> bool:
        keys = due().values_list("pk", flat=True)[:MOST_READ]
        untried = [key for key in keys if key not in this_round.tried]
        if not untried:
            return False
        if len(untried) > 1:
            this_round.more()
        this_round.tried.add(untried[0])
        do(untried[0], this_round.worker)
        return True

    return do_next
