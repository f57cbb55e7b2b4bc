"""The only module that publishes to Celery.

A hint says that a step may have something to do. It names no row: the workers look at the tables,
and would do so without a hint. A worker that gets a hint works until nothing is due. So one hint
does as much as a thousand, and the queue does not grow with the backlog.

A separate thread publishes hints, so that a slow or absent broker delays no request. If a hint
can't be published, it is logged and dropped, with all hints that wait behind it. Every hint
expires.
"""

import logging
import threading
import time

from celery import current_app

from accounts.commits import after_commit

log = logging.getLogger(__name__)

EXPIRES_SECONDS = 30
# After a failed publish, the thread pauses for this long.
REST_SECONDS = 5.0
# While no worker takes messages, at most this many wait in a queue. One would be enough.
MOST_WAITING = 100

SUBMIT = "generations.submit"
FETCH = "generations.fetch"
LABEL = "generations.label"
PREPARE = "generations.prepare"
ADOPT = "generations.adopt"
LOOK_UP = "generations.look_up"
BALANCE = "generations.read_balance"

Message = tuple[str, tuple[int, ...]]


def hint(step: str) -> None:
    """After the commit, tell the workers that `step` has something to do."""
    after_commit(_publisher.take, (step, ()))


def hint_balance(account: int) -> None:
    """After the commit, have the balance of the account with the primary key `account` read."""
    after_commit(_publisher.take, (BALANCE, (account,)))


class Publisher:
    """Publishes messages in a separate thread. A message that already waits is not added again."""

    def __init__(self) -> None:
        self._waiting: dict[Message, None] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def take(self, message: Message) -> None:
        with self._changed:
            self._waiting[message] = None
            if self._thread is None or not self._thread.is_alive():  # the first, or after a fork
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()
            self._changed.notify()

    def publish_waiting(self) -> bool:
        """Publish the messages that wait; returns False if the broker did not accept one."""
        with self._changed:
            messages, self._waiting = list(self._waiting), {}
        return all(_publish(step, ids) for step, ids in messages)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
            if not self.publish_waiting():
                time.sleep(REST_SECONDS)


_publisher = Publisher()


def _publish(step: str, ids: tuple[int, ...]) -> bool:
    try:
        if not _is_full(step):
            current_app.send_task(step, args=ids, expires=EXPIRES_SECONDS, ignore_result=True)
    except Exception:  # of any kind: without the hint the workers still find the row
        log.warning("could not publish %s; the workers find the row without it", step)
        return False
    return True


def _is_full(step: str) -> bool:
    """Whether enough messages wait in the queue of `step`."""
    queue = current_app.amqp.router.route({}, step)["queue"]
    with current_app.producer_or_acquire() as producer:
        return queue(producer.channel).queue_declare().message_count >= MOST_WAITING
