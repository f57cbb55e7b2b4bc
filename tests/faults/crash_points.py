"""Every write on the way of a run, by name: before or after each a process may die.

The studio's code does not know of these points. Django's `execute_wrapper` shows each write to a
table; commits, files, the cache, the broker and the provider's calls are wrapped. A walk in one
thread passes the same points in the same order each time. So a first walk counts them, and each
further walk fails at one of them.

Nothing is written between two points, so the point after one write equals the point before the
next. The database undoes a transaction in which a process dies, so deaths count no point within
one. Errors count one point for each function that writes within a transaction, and its commit.
"""

import errno
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from celery import current_app
from django.core.cache import caches
from django.db import OperationalError, connections

from generations.jobs import hints
from generations.storage import AtomicFileSystemStorage

ROOT = Path(__file__).resolve().parents[2]
APPS = tuple(f"{ROOT / app}/" for app in ("accounts", "generations"))
# These write for other modules: a point has the name of the function that called them.
FOR_OTHERS = (
    "accounts/audit",
    "accounts/commits.py",
    "accounts/ledger",
    "generations/jobs/execution/accidents.py",
    "generations/jobs/hints.py",
    "generations/jobs/lifecycle.py",
    "generations/live.py",
    "generations/storage",
)
WRITE = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM) "((?:accounts|generations)_\w+)"')
# A worker's own row says nothing about a run.
UNWATCHED = {"accounts_worker"}
# What is sent to the cache and to the broker after a commit.
LOSABLE = (": set", ": send_task")


class Killed(BaseException):
    """The process is dead. No code of the studio catches this."""


class Surprise(Exception):
    """An unforeseen error."""


def dead(error: Callable[[], Exception]) -> BaseException:
    """Death in place of any error: what was not committed is undone, and no hook runs."""
    connection = connections["default"]
    connection.run_on_commit.clear()
    if connection.connection is not None:
        connection.connection.rollback()
    return Killed()


def failing(error: Callable[[], Exception]) -> BaseException:
    return error()


def surprising(error: Callable[[], Exception]) -> BaseException:
    return Surprise()


@dataclass(frozen=True)
class Point:
    """A moment between two writes. `is_undone`: the write before it is not committed yet."""

    name: str
    is_undone: bool

    @property
    def changes_what_a_death_leaves(self) -> bool:
        return not (self.is_undone or self.name.startswith("before"))


class Points:
    """The points that a walk passes, and the one at which it fails.

    `passed` are the points so far. `met` is the name of the point at which an error was raised.
    """

    def __init__(self) -> None:
        self.passed: list[Point] = []
        self.met = ""
        self._grief: Callable[[Callable[[], Exception]], BaseException] | None = None
        self._number = -1
        self._times: Counter[str] = Counter()
        self._counts = False
        self._away: tuple[str, ...] = ()

    @contextmanager
    def walk(
        self, number: int = -1, grief: Any = None, away: tuple[str, ...] = ()
    ) -> Iterator[None]:
        """Count points in this block, and at point `number` raise what `grief` makes of its error.

        Writes in `away` fail each time: `LOSABLE` are those to cache and broker.
        """
        self.passed, self.met, self._times = [], "", Counter()
        self._number, self._grief, self._away, self._counts = number, grief, away, True
        try:
            yield
        finally:
            self._counts = False

    @contextmanager
    def around(
        self,
        what: str,
        *,
        before: Callable[[], Exception],
        after: Callable[[], Exception],
        by: str = "",
    ) -> Iterator[None]:
        """A point before the block and one after it, each with the error that may be raised."""
        name = f"{by or _writer()}: {what}" if self._counts else ""
        self.reach(f"before {name}", before)
        yield
        if not connections["default"].in_atomic_block:
            self.reach(f"after {name}", after)

    def reach(self, name: str, error: Callable[[], Exception]) -> None:
        if self._counts and name.endswith(self._away):
            self.met = name
            raise error()
        is_undone = connections["default"].in_atomic_block
        # Repeated writes of one function count once.
        same = name.partition(": ")[0] if is_undone else name
        self._times[same] += 1
        if not self._counts or self._times[same] > 1:
            return
        self.passed.append(Point(name, is_undone))
        if len(self.passed) - 1 == self._number and self._grief:
            self.met = self.passed[-1].name
            raise self._grief(error)


def _writer() -> str:
    """The project's function that asked for a write, as `module.function`."""
    frame = sys._getframe(3)
    while frame:
        path = frame.f_code.co_filename
        if path.startswith(APPS):
            name = Path(path).relative_to(ROOT)
            if not str(name).startswith(FOR_OTHERS):
                return f"{'.'.join(name.with_suffix('').parts[1:])}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "nobody"


@contextmanager
def watched(points: Points, monkeypatch) -> Iterator[None]:
    """Count all writes of this thread as points until the block ends."""
    connection = connections["default"]
    cut = partial(OperationalError, "the connection is cut")

    def statement(execute, sql, params, many, context):
        written = WRITE.match(sql)
        if not written or written[2] in UNWATCHED:
            return execute(sql, params, many, context)
        with points.around(f"{written[1].split()[0].lower()} {written[2]}", before=cut, after=cut):
            return execute(sql, params, many, context)

    _watch(monkeypatch, points, connection, "commit", before=cut, after=cut)
    _watch_what_may_be_lost(points, monkeypatch)
    _watch_files(points, monkeypatch)
    with connection.execute_wrapper(statement):
        yield


def _watch(monkeypatch, points: Points, owner: Any, name: str, **errors: Any) -> None:
    original = getattr(owner, name)

    def watched(*args, **kwargs):
        with points.around(name, **errors):
            return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, watched)


def _watch_what_may_be_lost(points: Points, monkeypatch) -> None:
    """Watch the cache and the broker. No message arrives."""
    away = partial(ConnectionError, "nobody answers")
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    monkeypatch.setattr(app, "send_task", lambda *args, **kwargs: None)
    # Whatever earlier tests have left in the broker's queues.
    monkeypatch.setattr(hints, "_is_full", lambda step: False)
    _watch(monkeypatch, points, app, "send_task", before=away, after=away)
    for alias in ("default", "live"):
        _watch(monkeypatch, points, type(caches[alias]), "set", before=away, after=away)
    # In the thread of the walk, so that its points have a fixed order.
    monkeypatch.setattr(hints._publisher, "take", lambda message: hints._publish(*message))


def _watch_files(points: Points, monkeypatch) -> None:
    full = partial(OSError, errno.ENOSPC, "No space left on device")
    _watch(monkeypatch, points, AtomicFileSystemStorage, "_save", before=full, after=full)
    sync = os.fsync

    def synced(descriptor):
        points.reach("within _save", full)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
