"""The only module that publishes to Celery.

A hint says that a row is due, no more: the row is the truth, and `recovery` finds it without any
hint. So a publish that fails is logged and forgotten, and hints expire.
"""

import logging
import time
from functools import partial

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)

EXPIRES_SECONDS = 30
# After a failed publish no other is tried for a while: a request must not wait for each in turn.
REST_SECONDS = 5
_resting_until = 0.0

SUBMIT = "generations.submit"
FETCH = "generations.fetch"
LABEL = "generations.label"
ADOPT = "generations.adopt"
LOOK_UP = "generations.look_up"
BALANCE = "generations.read_balance"


def hint(step: str, *ids: int) -> None:
    """Tell the workers on commit that `step` has something to do (with the row `ids`)."""
    transaction.on_commit(partial(_publish, step, ids), robust=True)


def _publish(step: str, ids: tuple[int, ...]) -> None:
    global _resting_until  # noqa: PLW0603  # one per process, like the connection it speaks of
    if time.monotonic() < _resting_until:
        return
    try:
        current_app.send_task(step, args=ids, expires=EXPIRES_SECONDS, ignore_result=True)
    except Exception:  # whatever the broker's client raises, the row stands
        _resting_until = time.monotonic() + REST_SECONDS
        log.warning("could not publish %s; recovery will find the row", step)
