"""Writes a part of the log to a file of the machine, for the command `export_audit`.

`write` is a generator of steps, so that its caller can show how far it has come, and stop.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.events import Event
from accounts.evidence import archive, selection
from accounts.evidence.archive import Pictures
from accounts.evidence.selection import Range
from accounts.models import Studio, User


@dataclass(frozen=True)
class Exported:
    """How far an export has come. `bytes` and `sha256` are of the whole file, once it is whole."""

    first: int
    last: int
    records: int
    bytes: int = 0
    sha256: str = ""


def write(
    path: Path, places: Range, *, actor: User | None, pictures: Pictures | None = None
) -> Iterator[Exported]:
    """Write the ZIP to `path`, and yield after each step how far it has come.

    The file gets its name when it is whole and recorded; if the export fails or is closed, nothing
    is left of it. Raises OSError if it cannot be written, and `selection.ErasedMeanwhile`.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    done = Exported(places.first, places.last, 0)
    about: dict[str, Any] = {"chosen": None, "pictures": pictures is not None}
    erasures = selection.erasures()
    try:
        for progress in archive.fill(part, places, about=about, pictures=pictures):
            done = Exported(places.first, places.last, progress.records)
            yield done
        done = _whole(part, done)
        selection.refuse_erased(erasures)
        with transaction.atomic():
            _record(done, actor)
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    yield done


def sha256_of_written(path: Path) -> str:
    """Sync a file to disk, and return its SHA-256 in hexadecimal."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole(part: Path, done: Exported) -> Exported:
    digest = sha256_of_written(part)
    return Exported(done.first, done.last, done.records, part.stat().st_size, digest)


def _record(done: Exported, actor: User | None) -> None:
    studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
    audit.record(Event.LOG_EXPORTED, actor=actor, subject=studio, facts=dict(vars(done)))
