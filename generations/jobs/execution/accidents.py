"""Trouble of the studio's own: a full disk, a lost database, storage that is away.

Neither an image nor a provider is at fault, so work waits until it is over and uses up no tries.
"""

import errno
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from generations.storage import StorageAway

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
MOST_PAUSE_SECONDS = 5.0
# What Django raises when the database is away or has cut the connection.
DATABASE_AWAY = (OperationalError, InterfaceError)
# A disk that is full, broken or gone, or a process that has run out of a resource.
OWN_ERRNOS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.EROFS,
        errno.ESTALE,
        errno.EACCES,
        errno.EPERM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
    }
)

Written = TypeVar("Written")


def is_ours(error: BaseException) -> bool:
    """Whether `error` is trouble of the studio's own, not of the provider or of what it sent."""
    if isinstance(error, OSError) and error.errno in OWN_ERRNOS:
        return True
    return isinstance(error, (*DATABASE_AWAY, StorageAway, MemoryError))


def with_retries(write: Callable[[], Written], *, seconds: float) -> Written:
    """Call `write`, and again while it fails by trouble of the studio's own, for at most `seconds`.

    `write` must be idempotent, because a commit whose answer was lost may have succeeded. Each try
    has a new connection. Raises what `write` raised last. Within a transaction it raises at once,
    because only the owner of the transaction can repeat it.
    """
    ends = time.monotonic() + seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return write()
        except Exception as error:
            is_last = time.monotonic() + pause > ends
            if is_last or connection.in_atomic_block or not is_ours(error):
                raise
            log.warning("%s; trying again in %.1f s", type(error).__name__, pause)
        reconnect()
        time.sleep(pause)
        pause = min(2 * pause, MOST_PAUSE_SECONDS)


def reconnect() -> None:
    """Close this thread's connection; the next query opens a new one."""
    if not connection.in_atomic_block:
        with suppress(Exception):  # closing a dead connection may raise
            connection.close()
