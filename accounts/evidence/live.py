"""Verifies the log in the database, by the functions of `verify`.

What was sealed at the newest checkpoint is compared with all checkpoints, among them those outside
the database. Rows are read in batches, so memory does not grow with the log.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import merge
from itertools import chain
from typing import Any

from django.db import DatabaseError, DataError
from django.db.models import Q, QuerySet

from accounts.events import Event
from accounts.evidence import checkpoints, entries, lines, unnamed, verify
from accounts.evidence.lines import ERASED, Line
from accounts.evidence.subtrees import Subtrees
from accounts.evidence.teams import Teams
from accounts.models import Checkpoint, Leaf, Record, TimeStamp
from accounts.sealing import Stopped, keys, stamps, witnesses
from accounts.sealing.stamps import StampError

# Ranges of damage that one record can accept. More are widened to fewer.
MOST_RANGES = 1000
# Rows without a record that one record can accept. A second one accepts more.
MOST_ROWS = 1000

# First and last place, and the time of the newest checkpoint that shows the damage, or nothing.
Range = tuple[int, int, str]


@dataclass(frozen=True)
class Changed:
    """A row that differs from the record with this key: a sentence about it.

    If no record knows the row, `record` is None, and `row` names it: "image <identifier>".
    """

    sentence: str
    record: int | None
    row: str = ""


Comparison = Callable[[], Iterable[Changed]]
_comparisons: list[Comparison] = []


def register(comparison: Comparison) -> Comparison:
    """Let `verify_log` also look at what `comparison` yields: rows that differ from their records.

    So apps whose rows tell what records say, too, take part without being imported here.
    """
    _comparisons.append(comparison)
    return comparison


class Log(verify.Log):
    """A log that also keeps what was found, so that somebody can accept it.

    `rows` are rows that no record knows; those in `accepted_rows` are passed over.
    """

    def __init__(self, first: int = 0, last: int = -1, sealed: int = 0) -> None:
        super().__init__(first, last, sealed)
        self._ranges: list[Range] = []
        self.rows: list[str] = []
        self.accepted_rows: list[str] = []

    @property
    def ranges(self) -> list[Range]:
        """The ranges of all damage that no record accepts."""
        return _joined(self._ranges)

    @property
    def is_sound(self) -> bool:
        return bool(self.integrity["ok"] and self.complete["ok"])

    def accepts(self, first: int, end: int, at: str = "") -> bool:
        if super().accepts(first, end, at):
            return True
        self._ranges.append((first, end, "" if at == verify.NEVER else at))
        if len(self._ranges) > 2 * MOST_RANGES:
            self._ranges = self.ranges
        return False

    def result(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in (*verify.TOLD, "accepted_rows")}


# Is told how many records were verified, and how many there are.
Tell = Callable[[int, int], None]


def _tell_nobody(done: int, of: int) -> None:
    pass


def verify_log(tell: Tell = _tell_nobody) -> dict[str, Any]:
    """Verify the log and the rows beside it, and return what was found: see `verify.Log`.

    `unread` in the result names the witnesses that cannot be read. `tell` is called after each
    sealed record.
    """
    return verified(tell).result() | {"unread": checkpoints.unread()}


def verified(tell: Tell = _tell_nobody) -> Log:
    """Verify the log and the rows beside it, and return it with all that was found."""
    log = Log()
    log.every = True
    with reading(log.fault, "checkpoints"):
        _begin(log)
    with reading(log.fault, "records"):
        _take_sealed(log, tell)
    for rows, take_them in _OTHERS.items():
        with reading(log.fault, rows):
            take_them(log)
    with reading(log.fault, "checkpoints"):
        if log.sealed or Leaf.objects.exists():
            log.finish([])
    return log


@contextmanager
def reading(fault: Callable[[str], None], rows: str) -> Iterator[None]:
    """Let it be a fault if the block cannot read a value: SQLite keeps any value in any column.

    Raises DatabaseError if the database itself cannot be read.
    """
    try:
        yield
    except Stopped as stopped:
        fault(stopped.reason)
    except Exception as error:
        if isinstance(error, DatabaseError) and not _is_about_a_value(error):
            raise
        fault(f"Some {rows} can't be read: a value has another form ({type(error).__name__}).")


def _is_about_a_value(error: DatabaseError) -> bool:
    return isinstance(error, DataError) or "Could not decode" in str(error)


def accepted(size: int) -> list[list[Any]]:
    """The ranges of damage that the first `size` records accept."""
    return [each for facts in _accepting(size) for each in facts.get("ranges", ())]


def accepted_rows(size: int) -> list[str]:
    """The rows without a record that the first `size` records accept."""
    return [each for facts in _accepting(size) for each in facts.get("rows", ())]


def _accepting(size: int) -> Iterator[dict[str, Any]]:
    """The facts of the records below `size` that accept damage.

    A record that is not as it was sealed accepts nothing: else it could accept its own change.
    Nor does one that accepts it in a form that the studio does not write.
    """
    for line, _record in lines.at(lines.accepting(size)):
        record = line.get("record")
        if record and verify.sha256(b"\x00", verify.canonical(record)).hex() == line["leaf"]:
            facts = record["facts"]
            if _has_ranges(facts) and _has_rows(facts):
                yield facts


def _has_ranges(facts: Any) -> bool:
    try:
        verify.ranges(facts.get("ranges", []))
    except (AttributeError, ValueError):
        return False
    return True


def _has_rows(facts: dict[str, Any]) -> bool:
    rows = facts.get("rows", [])
    return isinstance(rows, list) and all(isinstance(row, str) for row in rows)


def _joined(ranges: list[Range]) -> list[Range]:
    """Ranges with what overlaps or is adjacent joined, those of records and checkpoints apart."""
    joined: list[Range] = []
    for first, last, at in sorted(ranges, key=lambda each: (bool(each[2]), each)):
        before = joined[-1] if joined else None
        is_alike = before and bool(before[2]) == bool(at)
        if before and is_alike and (first <= before[1] + 1 or len(joined) >= MOST_RANGES):
            joined[-1] = (before[0], max(before[1], last), max(before[2], at))
        else:
            joined.append((first, last, at))
    return joined


def _begin(log: Log) -> None:
    """Let the log be that of the newest checkpoint."""
    newest = Checkpoint.objects.order_by("pk").last()
    if newest:
        log.last, log.sealed = newest.size - 1, newest.size
    log.keys = public_keys(log)
    log.accepted, log.accepted_rows = accepted(log.sealed), accepted_rows(log.sealed)
    if newest:
        found = checkpoints.outside(log.fault), checkpoints.in_table(newest, log.fault)
        log.notes = merge(*found, key=lambda note: note.size)
        log.note = next(log.notes, None)


def _take_sealed(log: Log, tell: Tell) -> None:
    teams, named, subtrees = Teams(), Named(), Subtrees()
    log.entries = named
    for line, record, found in entries.beside(lines.sealed(0, log.last, teams=True)):
        place, leaf = line["place"], line["leaf"]
        named.extend(found)
        take(log, line, record, teams, named)
        tell(log.records, log.sealed)
        if log.records == place + 1:  # else a place is missing, and all subtrees differ
            for told in subtrees.take(bytes.fromhex(leaf)):
                log.fault(told)


def take(log: Log, line: Line, record: Record | None, teams: Teams, named: "Named") -> None:
    """Check a line of the log, its row, and the ledger entries `named`, which it empties."""
    place = line["place"]
    difference = _difference(line, record, teams) if record else ""
    log.take(line)
    named.clear()
    if difference:
        log.fault(f"Record {place}: {difference}.", place)


class Named(deque[Any]):
    """The entries that the next record names."""

    def __next__(self) -> Any:
        if not self:
            raise StopIteration
        return self.popleft()


def _difference(line: Line, record: Record, teams: Teams) -> str:
    """What the rows say beside the record's canonical text, and differs from it; else nothing."""
    facts = record.facts if isinstance(record.facts, dict) else {}
    if lines.hex_of(record.leaf) != line["leaf"]:
        return "its leaf is not the one at its place"
    if record.event == Event.LOG_DAMAGE_ACCEPTED and not _has_rows(facts):
        return "the rows that it accepts are malformed"
    if (str(record.story) if record.story else None) != facts.get("story"):
        return "its story is not the one in its facts"
    if teams.differ(record):
        return "the teams that see it are not its own"
    return ""


def _take_others(log: Log) -> None:
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


def _take_unsealed(log: Log, record: Record, emptied: dict[str, int]) -> None:
    """Check a record alone, and keep in `emptied` what no record has erased so far."""
    alone, named = verify.Log(0, 0, 1), Named()
    try:
        line = lines.line_of(record)
        named.extend(entries.named_by(line))
        alone.entries = named
        alone.take({"place": 0, "leaf": lines.hex_of(record.leaf), **line})
    except Exception:
        alone.fault("The row cannot be read.")
    if not alone.integrity["ok"]:
        log.fault(f"Record {record.uuid}, which is not sealed yet, was changed.")
    elif record.event == ERASED:
        for erased in record.facts["records"]:
            log.emptied.pop(erased, None)
            emptied.pop(erased, None)
    emptied |= alone.emptied


def _take_stamps(log: Log) -> None:
    """Check that each time stamp is of its checkpoint. Whom to trust, openssl can say."""
    for row in _in_batches(TimeStamp.objects.select_related("checkpoint")):
        checkpoint = row.checkpoint
        try:
            at = stamps.read(bytes.fromhex(lines.hex_of(row.answer)), checkpoint.note)
        except StampError:
            at = None
        if at != row.at or _stamp_outside(checkpoint) not in (None, bytes(row.answer)):
            told = f"The time stamp of the checkpoint of {checkpoint.size} records was changed."
            log.fault(told, checkpoint.size - 1)


def _stamp_outside(checkpoint: Checkpoint) -> bytes | None:
    """The time stamp in its file; None if there is none on this machine."""
    path = witnesses.stamp_folder() / f"{witnesses.stamp_name(checkpoint)}.tsr"
    try:
        with path.open("rb") as file:
            return file.read(stamps.MOST_BYTES + 1)
    except OSError:
        return None


def _take_changed(log: Log) -> None:
    """Note rows that differ from what records say, at the places of these records."""
    comparisons = (_unnamed, *_comparisons)
    for changed in chain.from_iterable(comparison() for comparison in comparisons):
        if changed.row in log.accepted_rows:
            continue
        if changed.row and len(log.rows) < MOST_ROWS:
            log.rows.append(changed.row)
        found = Leaf.objects.filter(record=changed.record).values_list("place", flat=True)
        log.fault(changed.sentence, found.first() if changed.record else None)


_OTHERS = {
    "records that are not sealed yet": _take_others,
    "time stamps": _take_stamps,
    "rows beside the log": _take_changed,
}


def _unnamed() -> Iterator[Changed]:
    for batch in unnamed.batches():
        yield from unnamed_in(batch)


def unnamed_in(batch: unnamed.Batch) -> Iterator[Changed]:
    """The ledger entries of a batch that no record names."""
    for key in unnamed.unnamed(batch):
        sentence = f"The ledger entry {key} was written outside the studio: no record names it."
        yield Changed(sentence, None, f"entry {key}")


def public_keys(log: Log) -> dict[Any, Any]:
    """The public keys of the log, as `Note.is_signed` takes them."""
    try:
        return dict(enumerate(keys.public_keys()))
    except Stopped as stopped:
        log.fault(stopped.reason)
        return {}
