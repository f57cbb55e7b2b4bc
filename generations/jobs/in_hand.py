"""The rows that this process works on now, by worker.

A claim in the database says which worker a row belongs to. This list says what that worker really
works on. A row enters the list before its claim commits, and leaves it after the last write. So if
a worker of this process has claimed a row that is not on the list, nobody works on that row:
`generations.jobs.recovery.free_forgotten` frees it.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import models

_Entry = tuple[str, str, int]

_lock = threading.Lock()
_held: Counter[_Entry] = Counter()
_shift: ContextVar[list[_Entry] | None] = ContextVar("shift", default=None)


def take(worker: str, row: models.Model) -> None:
    """Enter `row` until the `shift` of this thread ends. Call it before the claim commits."""
    entries = _shift.get()
    if entries is None:
        return
    entries.append((worker, row._meta.label, row.pk))
    with _lock:
        _held[entries[-1]] += 1


@contextmanager
def shift() -> Iterator[None]:
    """When the block ends or raises, take all rows off the list that were entered in it."""
    entries: list[_Entry] = []
    token = _shift.set(entries)
    try:
        yield
    finally:
        _shift.reset(token)
        _leave(entries)


def enter_all(worker: str, model: type[models.Model], keys: Iterable[int]) -> None:
    """Enter rows that several threads work on. They stay until `leave_all`."""
    with _lock:
        _held.update((worker, model._meta.label, key) for key in keys)


def leave_all(worker: str, model: type[models.Model], keys: Iterable[int]) -> None:
    """Take rows off the list that `enter_all` entered."""
    _leave((worker, model._meta.label, key) for key in keys)


def keys(worker: str, model: type[models.Model]) -> set[int]:
    """The primary keys of the rows of `model` that `worker` works on."""
    with _lock:
        return {key for who, label, key in _held if (who, label) == (worker, model._meta.label)}


def count(worker: str) -> int:
    """The number of rows that `worker` works on."""
    with _lock:
        return sum(who == worker for who, _label, _key in _held)


def _leave(entries: Iterable[_Entry]) -> None:
    with _lock:
        for entry in entries:
            _held[entry] -= 1
            if _held[entry] <= 0:
                del _held[entry]
