"""Celery tasks: the hints of each step, and recurring work.

Workers must run with `-P threads`: heartbeat, poller and watchdog live in the same process.
"""

import atexit
import logging
import sys
import time
from datetime import timedelta
from typing import Any

from celery import bootsteps, current_app, shared_task
from celery.signals import beat_init, celeryd_after_setup, worker_shutdown, worker_shutting_down
from django.db import Error, connections
from django.utils import timezone

from accounts import operations
from generations import catch_up, conversions, postings, proof, submission, timestamping
from generations.erasing import retention
from generations.erasing import work as erasing
from generations.exports import ends
from generations.jobs import hints, webhooks
from generations.jobs.execution import balances, preparing
from generations.jobs.worker import WorkerProcess, starts
from generations.jobs.worker.loops import Loop, Turn
from generations.readiness import balances as balance_watch
from generations.readiness import shares, watch
from generations.usage import rebuilding

log = logging.getLogger(__name__)

BEAT = "beat"
# Each night, until all days of older versions are added up.
ADDING_UP_SECONDS = 600

_process: WorkerProcess | None = None


class ConsumerLoop(Loop):
    """Celery's own loop, which consumes hints. It is watched while it has a connection."""

    def __init__(self) -> None:
        super().__init__("consumer of hints")
        self._consumer: Any = None

    def begin(self, consumer: Any) -> None:
        self._consumer = consumer
        self.turn()
        self.is_running = True

    def end(self) -> None:
        self.is_running = False

    def restart(self) -> None:
        """Close the connection. Celery opens another one and continues."""
        super().restart()
        self._consumer.connection.collect(socket_timeout=1)


_consumer_loop = ConsumerLoop()


class WatchedConsumer(bootsteps.StartStopStep):
    """Lets the watchdog see that Celery's loop turns, with or without an event loop of kombu."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        _consumer_loop.begin(consumer)
        if consumer.hub:
            consumer.hub.on_tick.add(_consumer_loop.turn)
        else:
            connection = consumer.connection
            connection.drain_events = _turning(connection.drain_events, _consumer_loop.turn)

    def stop(self, consumer: Any) -> None:
        _consumer_loop.end()

    shutdown = stop


def _turning(drain_events: Any, turn: Turn) -> Any:
    def drained(*args: Any, **kwargs: Any) -> Any:
        turn()
        return drain_events(*args, **kwargs)

    return drained


current_app.steps["consumer"].add(WatchedConsumer)


@celeryd_after_setup.connect
def start_process(instance: Any, **kwargs: Any) -> None:
    """Start this worker's own loops, or end the process.

    Celery logs what a receiver raises and would continue without the loops. Only `SystemExit` ends
    it.
    """
    global _process  # noqa: PLW0603  # Celery gives its workers no place of their own for state
    queues = sorted(instance.app.amqp.queues.consume_from)
    program = starts.program_of(queues)
    try:
        _process = WorkerProcess(queues, consumer=_consumer_loop)
        _process.start()
    except Exception as error:
        pause = starts.pause_after_failure(program)
        known = isinstance(error, Error)  # the database is away: a traceback would say no more
        text = "This worker can't start: %s. It ends, and the next start is in %d s."
        reason = " ".join(str(error).split()) or type(error).__name__
        log.critical(text, reason, pause, exc_info=not known)
        time.sleep(pause)
        sys.exit(1)
    starts.forget_failures(program)
    operations.started(program)
    watch.start()


@worker_shutting_down.connect
def close_process(**kwargs: Any) -> None:
    if _process:
        _process.close()


@worker_shutdown.connect
def stop_process(**kwargs: Any) -> None:
    if _process:
        operations.stopped(starts.program_of(_process.queues))
        _process.stop()


@beat_init.connect
def note_beat(**kwargs: Any) -> None:
    """Put the start and the end of beat on the record."""
    operations.started(BEAT)
    connections.close_all()
    atexit.register(operations.stopped, BEAT)


def _started() -> WorkerProcess:
    assert _process is not None, "tasks run in a worker only"  # noqa: S101
    return _process


def _hinted(step: str) -> Any:
    """The task of a step. Messages of older versions carry ids, which are ignored."""

    def work(*_ids: int) -> None:
        _started().work(step)

    return shared_task(name=step)(work)


submit, fetch, label, prepare, adopt, look_up = map(
    _hinted,
    (hints.SUBMIT, hints.FETCH, hints.LABEL, hints.PREPARE, hints.ADOPT, hints.LOOK_UP),
)


@shared_task(name="generations.catch_up")
def complete_rows_of_older_versions() -> None:
    catch_up.catch_up(timezone.now() - timedelta(days=catch_up.DAYS))
    rebuilding.complete(seconds=ADDING_UP_SECONDS)


@shared_task(name="generations.reconcile_credits")
def reconcile_credits() -> None:
    """Go on with the nightly proof of the credits. The next message continues it."""
    proof.advance()


@shared_task(name="generations.erase")
def erase() -> None:
    erasing.work()


@shared_task(name="generations.erase_by_age")
def erase_by_age() -> None:
    retention.order_due()
    erasing.work()


@shared_task(name="generations.stamp_checkpoints")
def stamp_checkpoints() -> None:
    timestamping.stamp_newest()


@shared_task(name="generations.sweep_uploads")
def sweep_uploads() -> None:
    preparing.sweep_uploads()
    submission.remove_unused()


@shared_task(name="generations.tidy_conversions")
def tidy_conversions() -> None:
    conversions.tidy()


@shared_task(name="generations.tidy_exports")
def tidy_exports() -> None:
    ends.tidy()


@shared_task(name="generations.prune_webhook_events")
def prune_webhook_events() -> None:
    webhooks.prune()


@shared_task(name="generations.read_balances")
def read_balances() -> None:
    balances.read_balances()


@shared_task(name="generations.read_balance")
def read_balance(account_id: int) -> None:
    balances.read_balance(account_id)


@shared_task(name="generations.tell_of_shares")
def tell_of_shares() -> None:
    shares.look()


@shared_task(name="generations.send_postings")
def send_postings() -> None:
    postings.send_due()


@shared_task(name="generations.compare_balances")
def compare_balances() -> None:
    balance_watch.look()
