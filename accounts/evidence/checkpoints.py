"""The checkpoints of the log, in the database and outside it, for `verify.Log` to compare.

Those outside that are in the database, letter by letter, are compared there. Only others are kept
in memory, so memory does not grow with the log.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet

from accounts.evidence import verify
from accounts.evidence.lines import hex_of
from accounts.models import Checkpoint, Witness
from accounts.sealing import notes, witnesses
from accounts.sealing.notes import NoteError

BATCH = 500
# Objects of the bucket that are read although the database knows their names. Each checkpoint
# confirms all records before it, so the newest ones are enough.
NEWEST = 20
# Objects that are read because the database does not know their names: the newest of them.
MOST_UNKNOWN = 1000
FILE_ADVICE = (
    "Put it back from the back-up. If there is none, move it away: the studio then begins a new "
    "one, on the record."
)

Fault = Callable[..., None]


class Note(verify.Note):
    """A checkpoint whose signature a library verifies, ten times as fast as plain Python."""

    @property
    def whole(self) -> str:
        """The text of the note, with its signatures."""
        return f"{self.text}\n{self.below}"

    def is_signed(self, keys: dict[Any, Any]) -> bool:
        try:
            notes.verify(self.whole, keys.values())
        except NoteError:
            return False
        return True


def in_order(rows: QuerySet[Checkpoint]) -> Iterator[Checkpoint]:
    """Yield checkpoints by size, and those of one size by key. No cursor stays open."""
    rows, rest = rows.order_by("size", "pk"), Q()
    while batch := list(rows.filter(rest)[:BATCH]):
        yield from batch
        last = batch[-1]
        rest = Q(size__gt=last.size) | Q(size=last.size, pk__gt=last.pk)


def in_table(newest: Checkpoint, fault: Fault) -> Iterator[Note]:
    """The checkpoints in the database. One that differs from its own row is a fault."""
    for row in in_order(Checkpoint.objects.filter(pk__lte=newest.pk)):
        try:
            note = Note(row.note)
        except (ValueError, TypeError):
            fault(f"The checkpoint of {row.size} records is malformed.", row.size - 1)
            continue
        if (note.size, note.root.hex()) != (row.size, hex_of(row.root)):
            fault(f"The checkpoint of {row.size} records differs from its row.", row.size - 1)
        yield note


def outside(fault: Fault) -> list[Note]:
    """The checkpoints outside the database that are not in it, in order of size."""
    found = [*_unknown(_in_file(fault)), *_in_bucket(fault)]
    return sorted(found, key=lambda note: note.size)


def unread() -> list[str]:
    """The witnesses whose checkpoints the studio may write, but cannot read."""
    try:
        for name in witnesses.in_bucket()[-1:]:
            witnesses.read_bucket(name)
    except ValueError:  # it was read, and `outside` tells of it
        return []
    except Exception:  # of any library
        return [witnesses.BUCKET]
    return []


def _unknown(found: Iterable[Note]) -> Iterator[Note]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH)):
        rows = Checkpoint.objects.filter(size__in={note.size for note in batch})
        known = set(rows.values_list("note", flat=True))
        yield from (note for note in batch if note.whole not in known)


def _in_file(fault: Fault) -> Iterator[Note]:
    path = witnesses.checkpoint_file()
    lacking = _copied()
    try:
        for found in verify.notes(path, outside=True) if path.exists() else ():
            note = Note(f"{found.text}\n{found.below}", outside=True)
            lacking = None if note.whole == lacking else lacking
            yield note
    except (OSError, ValueError):
        fault(f"The file of checkpoints, {path}, is damaged. {FILE_ADVICE}")
    if lacking:
        fault(f"The file of checkpoints, {path}, lacks what was copied to it. {FILE_ADVICE}")


def _copied() -> str | None:
    """The newest checkpoint that was copied to the file, if it is in the database."""
    keys = Witness.objects.filter(name=witnesses.FILE).values("checkpoint")
    return Checkpoint.objects.filter(pk__in=keys).values_list("note", flat=True).first()


def _in_bucket(fault: Fault) -> Iterator[Note]:
    try:
        names = witnesses.in_bucket()
        unknown = deque(_unknown_names(names), maxlen=MOST_UNKNOWN)
        for name in {*unknown, *names[-NEWEST:]}:
            yield Note(witnesses.read_bucket(name), outside=True)
    except ValueError:
        fault("A checkpoint in the bucket is damaged. Find out who can write to the bucket.")
    except Exception:  # of any library; `unread` says so
        return


def _unknown_names(names: list[str]) -> Iterator[str]:
    rest = iter(names)
    while batch := list(islice(rest, BATCH)):
        keys = {_key_in(name): name for name in batch}
        known = Checkpoint.objects.filter(pk__in=keys).only("pk", "size")
        same = {row.pk for row in known if keys[row.pk] == witnesses.bucket_name(row)}
        yield from (name for key, name in keys.items() if key not in same)


def _key_in(name: str) -> int:
    """The key of the checkpoint of which this is the name in the bucket, or -1."""
    number = name.rpartition("-")[2].removesuffix(".txt")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else -1
