"""What Celery's messages do: each finds out what is due and calls one function.

The threads pool is needed (`-P threads`): a heartbeat and a poller live in the same process.
"""

from typing import Any

from celery import shared_task
from celery.signals import celeryd_after_setup, worker_shutdown

from generations import recovery, webhooks
from generations.execution import adopting, balances, delivering, submitting
from generations.worker import WorkerProcess

_process: WorkerProcess | None = None


@celeryd_after_setup.connect
def start_process(instance: Any, **kwargs: Any) -> None:
    global _process  # noqa: PLW0603  # Celery gives its workers no place of their own for state
    _process = WorkerProcess(sorted(instance.app.amqp.queues.consume_from))
    _process.start()


@worker_shutdown.connect
def stop_process(**kwargs: Any) -> None:
    if _process:
        _process.stop()


def _worker() -> str:
    assert _process is not None, "tasks run in a worker only"  # noqa: S101
    return _process.name


@shared_task(name="generations.submit")
def submit() -> None:
    submitting.submit_all(_worker())


@shared_task(name="generations.fetch")
def fetch(delivery_id: int) -> None:
    delivering.fetch(delivery_id, _worker())


@shared_task(name="generations.label")
def label(delivery_id: int) -> None:
    delivering.label_and_store(delivery_id, _worker())


@shared_task(name="generations.recover")
def recover() -> None:
    recovery.recover()


@shared_task(name="generations.adopt")
def adopt(event_id: int) -> None:
    adopting.adopt_from(event_id)


@shared_task(name="generations.look_up")
def look_up(generation_id: int) -> None:
    adopting.look_up(generation_id)


@shared_task(name="generations.prune_webhook_events")
def prune_webhook_events() -> None:
    webhooks.prune()


@shared_task(name="generations.read_balances")
def read_balances() -> None:
    balances.read_balances()


@shared_task(name="generations.read_balance")
def read_balance(account_id: int) -> None:
    balances.read_balance(account_id)
