"""One worker process: its name, its heartbeat, and the loop that polls.

Celery starts and stops it (see `generations.tasks`); `generate --here` is one for a while.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Self

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from accounts import heartbeat
from generations import recovery
from generations.execution import delivering, submitting
from generations.execution.polling import Poller
from generations.models import Delivery
from generations.preload import preload

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2
AFTER_ERROR_SECONDS = 2
HERE_THREADS = 4


class WorkerProcess:
    """This process as a worker for `queues`; the one named `provider` makes it poll as well."""

    def __init__(self, queues: list[str]) -> None:
        self.name = heartbeat.worker_name()
        self.queues = queues
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        preload()
        heartbeat.beat(self.name, ",".join(self.queues))
        beat = partial(heartbeat.beat, self.name, ",".join(self.queues))
        self._run("heartbeat", beat, pause=heartbeat.BEAT_SECONDS)
        if "provider" in self.queues:
            poller = Poller(self.name)
            self._run("poller", partial(poller.tick, TICK_SECONDS), pause=0, at_end=poller.close)

    def stop(self) -> None:
        """Stop both loops and set free what this worker has claimed."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        heartbeat.stop(self.name)

    def _run(
        self, name: str, step: Callable[[], object], *, pause: float, at_end: Callable | None = None
    ) -> None:
        target = partial(self._loop, step, pause, at_end)
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _loop(self, step: Callable[[], object], pause: float, at_end: Callable | None) -> None:
        while not self._stopping.is_set():
            wait = pause
            try:
                step()
            except DatabaseError:
                log.exception("the database did not answer; trying again")
                wait = AFTER_ERROR_SECONDS
            except Exception:
                log.exception("%s broke off; going on", threading.current_thread().name)
                wait = AFTER_ERROR_SECONDS
            finally:
                close_old_connections()
            self._stopping.wait(wait)
        if at_end:
            at_end()
        connection.close()


def work_here(is_done: Callable[[], bool]) -> None:
    """Be a worker in this process until `is_done`: submit, poll, fetch and label what is due.

    Submits have threads of their own: pictures of an answer that is still on its way are fetched
    and labelled meanwhile.
    """
    process = WorkerProcess(["images", "provider"])
    process.start()
    try:
        with Crew() as submits, Crew() as deliveries:
            while not is_done():
                recovery.recover()
                submits.take([partial(submitting.submit_all, process.name)] * HERE_THREADS)
                deliveries.take(partial(step, pk, process.name) for step, pk in _due_deliveries())
                time.sleep(TICK_SECONDS)
    finally:
        process.stop()


class Crew:
    """A few threads of `work_here`; what goes wrong in one is raised by the next `take`."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(HERE_THREADS)
        self._busy: set[Future[None]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pool.shutdown()

    def take(self, work: Iterable[Callable[[], object]]) -> None:
        """Do of `work` what there are idle threads for."""
        done = {future for future in self._busy if future.done()}
        self._busy -= done
        for future in done:
            future.result()
        room = HERE_THREADS - len(self._busy)
        self._busy |= {self._pool.submit(_closing_connections, each) for each in islice(work, room)}


def _due_deliveries() -> list[tuple[Callable[[int, str], None], int]]:
    steps: dict[str, Callable[[int, str], None]] = {
        Delivery.Status.PENDING: delivering.fetch,
        Delivery.Status.FETCHED: delivering.label_and_store,
    }
    due = Delivery.objects.filter(
        status__in=steps, claimed_by="", next_action_at__lte=timezone.now()
    )
    return [(steps[row.status], row.pk) for row in due[:HERE_THREADS]]


def _closing_connections(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connection.close()
