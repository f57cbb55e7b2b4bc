"""Which workers are alive.

Each start of a worker has a name. On Linux the name holds the boot of the machine, the process id
namespace, the process id and the time of its start, so another worker on the same machine sees at
once that the process is gone. Elsewhere a worker counts as dead after 30 seconds of silence.
"""

import hashlib
import logging
import os
import secrets
from datetime import timedelta
from pathlib import Path

from django.db import Error, connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import pulses
from generations.models import Worker

log = logging.getLogger(__name__)

BEAT_SECONDS = 5
SILENCE = timedelta(seconds=30)


def worker_name() -> str:
    """A name for this start of a worker, which no other start has, on any machine."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}:{secrets.token_hex(4)}"


def beat(worker: str, queues: str, *, turning: bool = True) -> None:
    """Record by the database's clock that `worker` is alive and, if `turning`, its loops turn."""
    said = {"seen_at": Now()} | ({"turned_at": Now()} if turning else {})
    if not Worker.objects.filter(pk=worker).update(**said):
        Worker.objects.create(pk=worker, queues=queues, **said)


def stop(worker: str) -> None:
    """Record that `worker` has ended in good order, so that its claims are free at once.

    Tries again once on a new connection. If the database is away, the worker counts as dead after
    30 seconds of silence.
    """
    for _ in range(2):
        try:
            Worker.objects.filter(pk=worker).delete()
        except Error:
            connection.close()
        else:
            return
    log.warning("the end of worker %s could not be recorded; others see it after 30 s", worker)


def alive() -> QuerySet[Worker]:
    """Workers whose last heartbeat is less than 30 seconds old."""
    return Worker.objects.filter(seen_at__gt=Now() - SILENCE)


def note_at_work(queue: str) -> None:
    """Note that a worker serves `queue` now. The note outlives the worker's row."""
    pulses.note(f"workers:{queue}")


def silent_seconds(queue: str) -> float | None:
    """Seconds for which no worker has served `queue`; None if none ever has."""
    return pulses.seconds_since(f"workers:{queue}")


def delete_dead(*, believe_silence: bool = True) -> int:
    """Delete workers whose process on this machine is gone, and those silent for 30 seconds.

    Returns how many. Right after an outage of the database every worker looks silent. Without
    `believe_silence` only workers whose process is gone are deleted.
    """
    gone = [name for name in Worker.objects.values_list("pk", flat=True) if _is_gone(name)]
    deleted = Worker.objects.filter(pk__in=gone).delete()[0]
    if believe_silence:
        deleted += Worker.objects.exclude(pk__in=alive()).delete()[0]
    return deleted


def _machine() -> str:
    """A hash of this boot and this process id namespace; empty on systems other than Linux.

    Host names don't serve, because containers and machines may share one.
    """
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if not (boot.is_file() and space.is_symlink()):
        return ""
    return hashlib.sha256(f"{boot.read_text()} {space.readlink()}".encode()).hexdigest()[:12]


def _started(pid: int) -> str:
    """The time of the process's start, in ticks since the boot; empty if it is gone.

    Source: proc(5), stat, field 22.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[19]
    except (OSError, IndexError):
        return ""


def _is_gone(name: str) -> bool:
    machine, _, process = name.partition(":")
    if not machine or machine != _machine():
        return False
    pid, started, _token = process.split(":")
    return _started(int(pid)) != started
