"""Writes a part of the log as a ZIP that anyone can verify with the program in it.

`write` is a generator of steps, so that a command or a worker can show how far it has come, and
stop. Memory does not grow with the log: what belongs into a later file of the ZIP waits on disk.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.db import transaction

from accounts import audit
from accounts.audit import canonical_bytes
from accounts.events import Event
from accounts.evidence import checkpoints, entries, lines, verify
from accounts.evidence.lines import Line
from accounts.models import Checkpoint, LogKey, Studio, TimeStamp, User
from accounts.sealing import stored, witnesses
from accounts.sealing.stored import HashesMissing

README = Path(__file__).with_name("README.txt")
BATCH = 500

# What `pictures` yields: the name of a file, and its content.
Picture = tuple[str, IO[bytes]]
Pictures = Callable[[Line], Iterable[Picture]]


class NothingToExport(Exception):
    """The range has no sealed record. The text says why."""


@dataclass(frozen=True)
class Exported:
    """How far an export has come. `bytes` and `sha256` are of the whole file, once it is whole."""

    first: int
    last: int
    records: int
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Range:
    """The places from `first` to `last` of the log as of the checkpoint `newest`."""

    first: int
    last: int
    newest: Checkpoint


def sealed_range(first: int | None = None, last: int | None = None) -> Range:
    """Return a range of sealed records, by default of all. Raises NothingToExport."""
    newest = Checkpoint.objects.order_by("pk").last()
    if newest is None:
        raise NothingToExport("No record is sealed yet. Seal the log first.")
    end = newest.size - 1
    found = Range(0 if first is None else first, end if last is None else last, newest)
    if not 0 <= found.first <= found.last <= end:
        raise NothingToExport(f"Sealed are the records 0 to {end}. Choose a range among them.")
    return found


def write(
    path: Path, places: Range, *, actor: User | None, pictures: Pictures | None = None
) -> Iterator[Exported]:
    """Write the ZIP to `path`, and yield after each step how far it has come.

    The file gets its name when it is whole and recorded; if the export fails or is closed, nothing
    is left of it. Raises OSError if it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    done = Exported(places.first, places.last, 0)
    try:
        with ZipFile(part, "x", ZIP_DEFLATED) as archive:
            for records in _fill(archive, places, pictures):
                done = Exported(places.first, places.last, records)
                yield done
        done = _whole(part, done)
        with transaction.atomic():
            _record(done, actor)
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    yield done


def _fill(archive: ZipFile, places: Range, pictures: Pictures | None) -> Iterator[int]:
    with tempfile.TemporaryFile() as waiting, tempfile.TemporaryFile() as named:
        count = 0
        with archive.open("records.jsonl", "w", force_zip64=True) as file:
            for line, _record in lines.sealed(places.first, places.last):
                file.write(_line_text(line))
                waiting.writelines(_text(entry) for entry in entries.named_by(line))
                if pictures:
                    named.write(_line_text(line))
                count += 1
                if count % BATCH == 0:
                    yield count
        waiting.seek(0)
        with archive.open("entries.jsonl", "w", force_zip64=True) as file:
            shutil.copyfileobj(waiting, file)
        _write_seal(archive, places)
        if pictures:
            named.seek(0)
            for text in named:
                _write_pictures(archive, pictures(json.loads(text)))
        yield count


def _text(value: dict[str, Any]) -> bytes:
    return canonical_bytes(value) + b"\n"


def _line_text(line: Line) -> bytes:
    try:
        return _text(line)
    except (TypeError, ValueError, RecursionError):  # a payload that the studio has not written
        return _text({"place": line["place"], "leaf": line["leaf"]})


def _write_seal(archive: ZipFile, places: Range) -> None:
    with archive.open("checkpoints.txt", "w", force_zip64=True) as file:
        for row in _checkpoints(places.newest):
            file.write(row.note.encode() + b"---\n")
    for stamp in _stamps(places.newest):
        name = f"timestamps/{witnesses.stamp_name(stamp.checkpoint)}"
        archive.writestr(f"{name}.txt", stamp.checkpoint.note)
        archive.writestr(f"{name}.tsr", bytes(stamp.answer))
    archive.writestr("proof.json", _text(_proof(places)))
    keys = LogKey.objects.order_by("pk").values_list("vkey", flat=True)
    archive.writestr("keys.txt", "".join(f"{key}\n" for key in keys))
    archive.writestr("README.txt", README.read_text())
    archive.writestr("verify.py", Path(verify.__file__).read_text())


def _checkpoints(newest: Checkpoint) -> Iterator[Checkpoint]:
    return checkpoints.in_order(Checkpoint.objects.filter(pk__lte=newest.pk))


def _stamps(newest: Checkpoint) -> Iterator[TimeStamp]:
    rows = TimeStamp.objects.filter(checkpoint__lte=newest.pk).select_related("checkpoint")
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield from batch
        last = batch[-1].pk


def _proof(places: Range) -> dict[str, Any]:
    size = places.newest.size
    try:
        proof = stored.tree(size).range_proof(places.first, places.last + 1)
        before, after = proof.before, proof.after
    except HashesMissing:  # The log is damaged, and the export must be able to show it.
        before = after = []
    return {
        "first": places.first,
        "last": places.last,
        "size": size,
        "before": [found.hex() for found in before],
        "after": [found.hex() for found in after],
    }


def _write_pictures(archive: ZipFile, pictures: Iterable[Picture]) -> None:
    for name, content in pictures:
        # They are compressed already.
        info = ZipInfo(f"pictures/{name}")
        info.compress_type = ZIP_STORED
        with content, archive.open(info, "w", force_zip64=True) as file:
            shutil.copyfileobj(content, file)


def _whole(part: Path, done: Exported) -> Exported:
    with part.open("rb+") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Exported(done.first, done.last, done.records, part.stat().st_size, digest)


def _record(done: Exported, actor: User | None) -> None:
    studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
    facts = {
        "first": done.first,
        "last": done.last,
        "records": done.records,
        "bytes": done.bytes,
        "sha256": done.sha256,
    }
    audit.record(Event.LOG_EXPORTED, actor=actor, subject=studio, facts=facts)
