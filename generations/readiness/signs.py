"""Signs of life of workers and beat, and free disk space: for `/readyz`, *Status* and the watch."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models.functions import Now

from accounts import pulses
from generations import storage
from generations.models import Worker

# Workers report every few seconds that their loops turn, and beat reports that it runs.
SILENCE_SECONDS = 60
# More rows than a studio has workers. `heartbeat.delete_dead` deletes dead ones.
MOST_WORKERS = 200

GIGABYTE = 10**9
# Below both of these, there is too little space and the studio is not ready.
LEAST_BYTES, LEAST_SHARE = GIGABYTE, 0.05
# Below both of these, admins are told, early enough to act.
LITTLE_BYTES, LITTLE_SHARE = 5 * GIGABYTE, 0.10


@dataclass(frozen=True)
class WorkerSign:
    """A worker: seconds since it started, and since its loops last turned (None: never)."""

    name: str
    queues: tuple[str, ...]
    started_seconds: float
    turned_seconds: float | None

    @property
    def turns(self) -> bool:
        return self.turned_seconds is not None and self.turned_seconds <= SILENCE_SECONDS


@dataclass(frozen=True)
class Disk:
    """A disk that the studio writes to, with free and total space in bytes."""

    name: str
    free: int
    total: int

    @property
    def is_full(self) -> bool:
        """Less than 1 GB is left and, on disks below 20 GB, less than 5 %."""
        return self.free < min(LEAST_BYTES, LEAST_SHARE * self.total)

    @property
    def is_nearly_full(self) -> bool:
        """Less than 5 GB is left and, on disks below 50 GB, less than 10 %."""
        return self.free < min(LITTLE_BYTES, LITTLE_SHARE * self.total)


def workers() -> list[WorkerSign]:
    """The workers that have a row, at most 200, those whose loops turned last first."""
    rows = Worker.objects.annotate(now=Now()).order_by("-seen_at")[:MOST_WORKERS]
    signs = [_sign(row) for row in rows]
    return sorted(signs, key=lambda sign: (sign.turned_seconds is None, sign.turned_seconds or 0))


def queues_at_work(workers: Iterable[WorkerSign]) -> set[str]:
    """The queues that at least one of `workers` works for."""
    return {queue for worker in workers if worker.turns for queue in worker.queues}


def _sign(row: Worker) -> WorkerSign:
    now = row.now  # type: ignore[attr-defined]  # annotated above, on the clock of the columns
    turned = max(0.0, (now - row.turned_at).total_seconds()) if row.turned_at else None
    queues = tuple(filter(None, (name.strip() for name in row.queues.split(","))))
    started = max(0.0, (now - row.started_at).total_seconds())
    return WorkerSign(row.pk, queues, started, turned)


def beat_seconds() -> float | None:
    """Seconds since a message of beat last arrived; None if none ever has."""
    return pulses.seconds_since(pulses.BEAT)


def disks() -> list[Disk]:
    """The disks that hold `DATA_DIR` and the files, each once. A bucket has no disk."""
    folders = {"data": settings.DATA_DIR}
    for name, files in (("originals", storage.originals()), ("renditions", storage.renditions())):
        if location := getattr(files, "base_location", ""):
            folders[name] = Path(location)
    devices: dict[int, Disk] = {}
    for name, folder in folders.items():
        there = _nearest(Path(folder))
        usage = shutil.disk_usage(there)
        devices.setdefault(there.stat().st_dev, Disk(name, usage.free, usage.total))
    return list(devices.values())


def _nearest(folder: Path) -> Path:
    """`folder`, or its closest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
