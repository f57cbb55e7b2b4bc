"""The checks of readiness, one for each part of the studio.

A check returns a `Finding` or raises. Any exception means that the part does not work. The texts
name no host, address or folder, because anybody may read them.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import caching, sealing
from generations import storage
from generations.jobs import broker
from generations.models import Worker
from generations.notice_kinds import RESTART_WORKERS
from generations.queues import IMAGES, PROVIDER
from generations.readiness import signs

STATEMENT_MILLISECONDS = 2000


@dataclass(frozen=True)
class Finding:
    """Whether a part works, and a text about its state, which `facts` fill in."""

    ok: bool
    text: Promise
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        return str(self.text) % self.facts


@dataclass(frozen=True)
class Check:
    """One part: how to check it, what to say if the check raises, and what to do about it.

    A finding is reused for `keep_seconds`, so that a check that writes does not run at each
    request.
    """

    title: Promise
    look: Callable[[], Finding]
    broken: Promise
    to_do: Promise
    keep_seconds: float = 0


def _database() -> Finding:
    with _bounded_statements():
        Worker.objects.exists()
    return Finding(True, _("The database answers."))


def _broker() -> Finding:
    broker.connect()
    return Finding(True, _("The broker takes messages."))


def _cache() -> Finding:
    if caching.cache_answers():
        return Finding(False, _("The cache can't be reached."))
    return Finding(True, _("The cache answers."))


def _workers(queue: str) -> Finding:
    with _bounded_statements():
        workers = [worker for worker in signs.workers() if queue in worker.queues]
    if not workers:
        return Finding(False, _("No worker for this is running."))
    seconds = workers[0].turned_seconds
    if seconds is None:
        return Finding(False, _("A worker for this has started, but has not begun to work."))
    facts = {"seconds": int(seconds)}
    if workers[0].turns:
        return Finding(True, _("A worker was at work %(seconds)s s ago."), facts)
    return Finding(False, _("No worker for this has been at work for %(seconds)s s."), facts)


def _beat() -> Finding:
    with _bounded_statements():
        seconds = signs.beat_seconds()
    if seconds is None:
        return Finding(False, _("No recurring work has ever arrived at a worker."))
    facts = {"seconds": int(seconds)}
    if seconds > signs.SILENCE_SECONDS:
        return Finding(
            False, _("No recurring work has arrived at a worker for %(seconds)s s."), facts
        )
    return Finding(True, _("Recurring work arrived at a worker %(seconds)s s ago."), facts)


def _log() -> Finding:
    with _bounded_statements():
        standing = sealing.sealing()
    if standing.late:
        return Finding(False, _("Records have waited for more than 5 minutes to be sealed."))
    return Finding(True, _("The records of the log are sealed."))


def _storage() -> Finding:
    try:
        kept, data = _written_and_read()
    except storage.ClockDiffers:
        return Finding(
            False,
            _("The clocks of the studio and the storage service differ. Set the studio's clock."),
        )
    except storage.StorageRefused:
        return Finding(False, _("The storage service refuses the studio's key."))
    if kept != data:
        return Finding(False, _("A file was not read back as it was written."))
    return Finding(True, _("Files can be written, read and deleted."))


def _written_and_read() -> tuple[bytes, bytes]:
    """Write a small file, read and delete it; returns what was read and what was written."""
    files, data = storage.originals(), secrets.token_bytes(16)
    name = f"readiness/{data.hex()}"
    try:
        files.save(name, ContentFile(data))
        return storage.read(files, name), data
    finally:
        files.delete(name)


def _disk() -> Finding:
    disk = min(signs.disks(), key=lambda disk: disk.free)
    facts = {
        "free": f"{disk.free / signs.GIGABYTE:.1f}",
        "share": f"{100 * disk.free / max(disk.total, 1):.0f}",
    }
    text = _("%(free)s GB are left, %(share)s %% of the disk.")
    return Finding(not any(each.is_full for each in signs.disks()), text, facts)


@contextmanager
def _bounded_statements() -> Iterator[None]:
    """Make PostgreSQL cancel a statement after 2 s. On SQLite readers never wait."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MILLISECONDS}")
        yield


CHECKS: dict[str, Check] = {
    "database": Check(
        _("Database"),
        _database,
        _("The database does not answer."),
        _("Check that the database runs and that DATABASE_URL is right."),
    ),
    "broker": Check(
        _("Broker"),
        _broker,
        _("The broker can't be reached."),
        _(
            "Work continues, but starts a few seconds later. Check that the broker runs and that "
            "CELERY_BROKER_URL is right."
        ),
    ),
    "cache": Check(
        _("Cache"),
        _cache,
        _("The cache can't be reached."),
        _("Pages still work, but slower. Check that the cache runs and that CACHE_URL is right."),
    ),
    "workers_provider": Check(
        _("Worker that talks to providers"),
        partial(_workers, PROVIDER),
        _("The state of the workers can't be read."),
        RESTART_WORKERS,
    ),
    "workers_images": Check(
        _("Worker that labels images"),
        partial(_workers, IMAGES),
        _("The state of the workers can't be read."),
        RESTART_WORKERS,
    ),
    "beat": Check(
        _("Recurring work"),
        _beat,
        _("The state of recurring work can't be read."),
        _(
            "Images are still made. Check that the program “beat” runs, and that the broker and a "
            "worker that talks to providers work: recurring work needs both."
        ),
    ),
    "log": Check(
        _("Seal of the log"),
        _log,
        _("The state of the log can't be read."),
        _(
            "Work continues, but nobody can prove that the newest records have not been changed. "
            "The notice about it says what to do."
        ),
    ),
    "storage": Check(
        _("File storage"),
        _storage,
        _("Files can't be written, read and deleted."),
        _(
            "Finished images wait until it works again. Check the folder or bucket of STORAGE_URL: "
            "permissions, credentials and free space."
        ),
        keep_seconds=15,
    ),
    "disk": Check(
        _("Disk"),
        _disk,
        _("The free space on the disk can't be read."),
        _("Free some space, or move DATA_DIR or the files to a larger disk."),
    ),
}
