"""Workers that are alive, and what that means for the rows they have claimed.

A worker's name tells host, process-id space and process, so that its successor on the same
machine can see at once that it is gone; elsewhere 30 seconds of silence tell it.
"""

import os
import re
import secrets
import socket
from datetime import timedelta
from pathlib import Path

from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import Worker

BEAT_SECONDS = 5
SILENCE = timedelta(seconds=30)


def worker_name() -> str:
    """A name for this process that no other process ever has."""
    return f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}"


def beat(worker: str, queues: str) -> None:
    """Say that `worker` is alive, on the database's clock."""
    if not Worker.objects.filter(pk=worker).update(seen_at=Now()):
        Worker.objects.create(pk=worker, queues=queues, seen_at=Now())


def stop(worker: str) -> None:
    """Say that `worker` has ended in good order: what it claimed is free at once."""
    Worker.objects.filter(pk=worker).delete()


def alive() -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__gt=Now() - SILENCE)


def bury_dead() -> int:
    """Forget workers that are silent for long, and those of this machine whose process is gone."""
    gone = [name for name in Worker.objects.values_list("pk", flat=True) if _is_gone(name)]
    silent = Worker.objects.exclude(pk__in=alive())
    return silent.delete()[0] + Worker.objects.filter(pk__in=gone).delete()[0]


def _machine() -> str:
    """This host and, on Linux, its space of process ids: containers may share a host's name."""
    namespace = Path("/proc/self/ns/pid")
    space = namespace.readlink().name if namespace.is_symlink() else ""
    return re.sub(r"[^A-Za-z0-9.-]", "", f"{socket.gethostname()}-{space}")[:70]


def _is_gone(name: str) -> bool:
    machine, pid, _token = name.rsplit(":", 2)
    if machine != _machine():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
