"""Verifies the log in the database, by the functions of `verify`.

What was sealed at the newest checkpoint is compared with all checkpoints, among them those in the
file outside the database. Rows are read in batches, so memory does not grow with the log.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet

from accounts.evidence import entries, lines, verify
from accounts.evidence.lines import ERASED, Line
from accounts.evidence.teams import Teams
from accounts.models import Checkpoint, Leaf, Record
from accounts.sealing import Stopped, keys, notes, witnesses
from accounts.sealing.notes import NoteError


def verify_log() -> dict[str, Any]:
    """Verify the log, and return what was found: see `verify.Log.result`."""
    newest = Checkpoint.objects.order_by("pk").last()
    size = newest.size if newest else 0
    log = verify.Log(0, size - 1, size)
    log.every, log.keys = True, _keys(log)
    if newest:
        found = _in_table(log, newest), _outside(log, size)
        log.notes = heapq.merge(*found, key=lambda note: note.size)
        log.note = next(log.notes, None)
    _take_sealed(log)
    _take_others(log)
    if newest or Leaf.objects.exists():
        log.finish([])
    return log.result()


def _take_sealed(log: verify.Log) -> None:
    teams, named = Teams(), _Named()
    log.entries = named
    for line, record in lines.sealed(0, log.last, teams=True):
        place = line["place"]
        difference = _difference(line, record, teams) if record else ""
        named.extend(entries.named_by(line))
        log.take(line)
        named.clear()
        if difference:
            log.fault(f"Record {place}: {difference}.", place)


class _Named(deque[Any]):
    """The entries that the next record names."""

    def __next__(self) -> Any:
        if not self:
            raise StopIteration
        return self.popleft()


def _difference(line: Line, record: Record, teams: Teams) -> str:
    """What the rows say beside the record's canonical text, and differs from it; else nothing."""
    facts = record.facts if isinstance(record.facts, dict) else {}
    if bytes(record.leaf).hex() != line["leaf"]:
        return "its leaf is not the one at its place"
    if (str(record.story) if record.story else None) != facts.get("story"):
        return "its story is not the one in its facts"
    if teams.differ(record):
        return "the teams that see it are not its own"
    return ""


def _take_others(log: verify.Log) -> None:
    """Check the records that the newest checkpoint does not cover, and what they erased."""
    is_growing = Checkpoint.objects.filter(size__gt=log.sealed).exists()
    if not is_growing and Leaf.objects.filter(place__gte=log.sealed).exists():
        log.fault("There are places that no checkpoint covers.", log.sealed)
    lost = Record.objects.filter(sealed__isnull=True, unsealed__isnull=True).order_by("pk")
    for identifier in lost.values_list("uuid", flat=True)[: verify.SHOWN]:
        log.fault(f"Record {identifier} has no place, and does not wait for one.")
    later = Record.objects.filter(Q(sealed__place__gte=log.sealed) | Q(unsealed__isnull=False))
    emptied: dict[str, int] = {}
    for record in _in_batches(later.select_related("actor", "payload")):
        log.records += 1
        _take_unsealed(log, record, emptied)
    for lost_text in emptied:
        log.fault(f"Record {lost_text}, which is not sealed yet, was emptied, and none erased it.")


def _in_batches(rows: QuerySet[Any]) -> Iterator[Any]:
    """Yield rows in order of their keys. No cursor stays open if somebody stops reading."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[: lines.BATCH]):
        yield from batch
        last = batch[-1].pk


def _take_unsealed(log: verify.Log, record: Record, emptied: dict[str, int]) -> None:
    """Check a record alone, and keep in `emptied` what no record has erased so far."""
    alone, named = verify.Log(0, 0, 1), _Named()
    try:
        line = lines.line_of(record)
        named.extend(entries.named_by(line))
        alone.entries = named
        alone.take({"place": 0, "leaf": bytes(record.leaf).hex(), **line})
    except Exception:
        alone.fault("The row cannot be read.")
    if not alone.integrity["ok"]:
        log.fault(f"Record {record.uuid}, which is not sealed yet, was changed.")
    elif record.event == ERASED:
        for erased in record.facts["records"]:
            log.emptied.pop(erased, None)
            emptied.pop(erased, None)
    emptied |= alone.emptied


# --- Keys and checkpoints ------------------------------------------------------------------------


def _keys(log: verify.Log) -> dict[Any, Any]:
    try:
        return dict(enumerate(keys.public_keys()))
    except Stopped as stopped:
        log.fault(stopped.reason)
        return {}


class _Note(verify.Note):
    """A checkpoint whose signature a library verifies, ten times as fast as plain Python."""

    def is_signed(self, keys: dict[Any, Any]) -> bool:
        try:
            notes.verify(f"{self.text}\n{self.below}", keys.values())
        except NoteError:
            return False
        return True


def _in_table(log: verify.Log, newest: Checkpoint) -> Iterator[_Note]:
    """The checkpoints in the database. One that differs from its own row is a fault."""
    for row in _in_batches(Checkpoint.objects.filter(pk__lte=newest.pk)):
        try:
            note = _Note(row.note)
        except ValueError:
            log.fault(f"The checkpoint of {row.size} records is malformed.")
            continue
        if (note.size, note.root) != (row.size, bytes(row.root)):
            log.fault(f"The checkpoint of {row.size} records differs from its row.")
        yield note


def _outside(log: verify.Log, size: int) -> Iterator[_Note]:
    """The checkpoints in the file, without those that were made after this began."""
    path = witnesses.checkpoint_file()
    if not path.exists():
        return
    try:
        for found in verify.notes(path, outside=True):
            note = _Note(f"{found.text}\n{found.below}", outside=True)
            if note.size <= size or not Checkpoint.objects.filter(size=note.size).exists():
                yield note
    except (OSError, ValueError):
        log.fault("The file of checkpoints is damaged.")
