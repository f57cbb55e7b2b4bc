"""Fills a ZIP with records and all that is needed to verify them.

Memory does not grow with the log: what belongs into a later file of the ZIP waits on disk.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from accounts.audit import canonical_bytes
from accounts.events import Event
from accounts.evidence import checkpoints, entries, lines, selection, verify
from accounts.evidence.lines import Line
from accounts.evidence.selection import Range
from accounts.models import Checkpoint, LogKey, TimeStamp
from accounts.sealing import stored, witnesses
from accounts.sealing.stored import HashesMissing

README = Path(__file__).with_name("README.txt")
BATCH = lines.BATCH

# The events whose records tell of labelled files.
WITH_PICTURES = (Event.IMAGE_STORED, Event.IMAGE_RELABELLED)
# What `pictures` yields for such a record: the name of a file, and its content.
Picture = tuple[str, IO[bytes]]
Pictures = Callable[[Line], Iterable[Picture]]


class Progress(NamedTuple):
    """How many records have been written, and how many of the `images` that they tell of.

    `images` is 0 until all records have been read. The records that are `added` are not among
    `records`.
    """

    records: int
    done: int = 0
    images: int = 0
    added: int = 0


def fill(
    path: Path, places: Range, *, about: dict[str, Any], pictures: Pictures | None = None
) -> Iterator[Progress]:
    """Write the ZIP to `path`, where no file is yet, and yield after each batch how far it is.

    `about` says in its manifest what was asked for. Temporary files are in the folder of `path`.
    Raises OSError if something cannot be written.
    """
    places = selection.with_acceptances(places)
    with (
        ZipFile(path, "x", ZIP_DEFLATED) as archive,
        tempfile.TemporaryFile(dir=path.parent) as named_entries,
        tempfile.TemporaryFile(dir=path.parent) as of_images,
    ):
        waiting = named_entries, of_images if pictures else None
        done = yield from _write_records(archive, places, *waiting)
        named_entries.seek(0)
        with archive.open("entries.jsonl", "w", force_zip64=True) as file:
            shutil.copyfileobj(named_entries, file)
        _write_seal(archive, places)
        archive.writestr("manifest.json", _manifest(places, done, about))
        of_images.seek(0)
        for count, text in enumerate(of_images, 1):
            for picture in pictures(json.loads(text)) if pictures else ():
                _write_picture(archive, *picture)
            yield done._replace(done=count)


def text_of(line: Line) -> bytes:
    """A line of records.jsonl; without record if the studio can't have written the payload."""
    try:
        canonical_bytes(line.get("payload"))
        return _text(line)
    except (TypeError, ValueError, RecursionError):
        return _text({name: line[name] for name in ("place", "leaf", "left_out") if name in line})


def _write_records(
    archive: ZipFile, places: Range, named_entries: IO[bytes], of_images: IO[bytes] | None
) -> Generator[Progress, None, Progress]:
    rest, records, images, added = selection.taken(places), 0, 0, 0
    with archive.open("records.jsonl", "w", force_zip64=True) as file:
        while batch := [line for line, _record in islice(rest, BATCH)]:
            texts = [text_of(line) for line in batch]
            file.write(b"".join(texts))
            named_entries.writelines(_text(entry) for entry in entries.named_by(*batch))
            for line, text in zip(batch, texts, strict=True):
                if of_images and _event(line) in WITH_PICTURES:
                    of_images.write(text)
                    images += 1
            extra = sum(line.get("payload") == selection.WITHHELD for line in batch)
            records, added = records + len(batch) - extra, added + extra
            yield Progress(records)
    return Progress(records, images=images, added=added)


def _event(line: Line) -> str | None:
    return (line.get("record") or {}).get("event")


def _text(value: Any) -> bytes:
    return verify.canonical(value) + b"\n"


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
    size, (first, last) = places.newest.size, places.ends
    try:
        proof = stored.tree(size).range_proof(first, last + 1)
        before, after = proof.before, proof.after
    except HashesMissing:  # The log is damaged, and the export must be able to show it.
        before = after = []
    return {
        "first": first,
        "last": last,
        "size": size,
        "before": [found.hex() for found in before],
        "after": [found.hex() for found in after],
    }


COVERS_RANGE = "The export holds every record from the first place to the last."
ADDED = (
    " The records that accept damage to the log were added, without their personal text where they "
    "were not chosen."
)
COVERS_CHOICE = (
    "The export holds the records that were chosen, and no others. It shows that each of them is "
    "in the log as it was sealed. It does not show what the records are that were left out, nor "
    "that no other record would have fitted the choice."
)


def _manifest(places: Range, done: Progress, about: dict[str, Any]) -> bytes:
    """What the export covers, for people: `verify.py` relies on none of it."""
    covers = COVERS_CHOICE if places.chosen else COVERS_RANGE
    manifest = about | {
        "first": places.first,
        "last": places.last,
        "sealed": places.newest.size,
        "records": done.records,
        "added": done.added,
        "left_out": places.left_out,
        "covers": covers + ADDED if done.added else covers,
    }
    return json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"


def _write_picture(archive: ZipFile, name: str, content: IO[bytes]) -> None:
    # They are compressed already.
    info = ZipInfo(f"pictures/{name}")
    info.compress_type = ZIP_STORED
    with content, archive.open(info, "w", force_zip64=True) as file:
        shutil.copyfileobj(content, file)
