"""Which records an export holds: a range of places, or those that were chosen among them.

Records that were not chosen leave gaps. The line after a gap has `left_out`: the first place of the
gap, and the roots of its largest subtrees, from left to right. With them, everybody can compute the
root of the whole tree, and so verify each record that is there. What was left out stays unknown.

Records that accept damage are added, without their personal text: else the damage would count.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import merge
from itertools import repeat

from accounts.evidence import lines
from accounts.evidence.lines import Line
from accounts.evidence.places import Places
from accounts.models import Checkpoint, Record
from accounts.sealing import stored
from accounts.sealing.stored import HashesMissing

# A tree keeps the hashes that it has read, so a new one is taken after so many places.
TREE_PLACES = 2**16
# In place of the personal text of a record that is only added.
WITHHELD = "withheld"
# More erasures than there can be while an export is made.
ERASURES = 100


class NothingToExport(Exception):
    """No sealed record is to be exported. The text says why."""


class ErasedMeanwhile(Exception):
    """Personal text was erased while the export was made, which may hold some of it."""


@dataclass(frozen=True)
class Range:
    """The places from `first` to `last` of the log as of the checkpoint `newest`.

    With `chosen`, only those places; `first` and `last` are among them. The records at the places
    `added` come too, without their personal text unless they are among the others.
    """

    first: int
    last: int
    newest: Checkpoint
    chosen: Places | None = None
    added: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many places are to be exported, without those that are added."""
        return self.chosen.count if self.chosen else self.last - self.first + 1

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last place, those that are added included."""
        return min((self.first, *self.added)), max((self.last, *self.added))

    @property
    def left_out(self) -> int:
        return self.last - self.first + 1 - self.count


def newest_checkpoint() -> Checkpoint:
    """Raises NothingToExport if no record is sealed."""
    newest = Checkpoint.objects.order_by("pk").last()
    if newest is None:
        raise NothingToExport("No record is sealed yet. Seal the log first.")
    return newest


def sealed_range(first: int | None = None, last: int | None = None) -> Range:
    """Return a range of sealed records, by default of all. Raises NothingToExport."""
    newest = newest_checkpoint()
    end = newest.size - 1
    found = Range(0 if first is None else first, end if last is None else last, newest)
    if not 0 <= found.first <= found.last <= end:
        raise NothingToExport(f"Sealed are the records 0 to {end}. Choose a range among them.")
    return found


def with_acceptances(places: Range) -> Range:
    """The same range with all records that accept damage to the log."""
    return replace(places, added=tuple(lines.accepting(places.newest.size)))


def taken(places: Range) -> Iterator[tuple[Line, Record | None]]:
    """Yield the lines of a range that have a row, each with its record if it can be read."""
    gaps, due, withheld = _Gaps(places.newest.size), places.ends[0], set[int]()
    for line, record in lines.at(_in_order(places, withheld)):
        place = line["place"]
        first, end = _left_out(places, due, place)
        gap = gaps.between(first, end) if end > first else {}
        due = place + 1
        yield (_without_text(line) if place in withheld else line) | gap, record


def _in_order(places: Range, withheld: set[int]) -> Iterator[int]:
    """Yield each place once. Those that are only added are noted in `withheld`."""
    asked: Iterable[int] = places.chosen or range(places.first, places.last + 1)
    before = -1
    for place, is_added in merge(zip(asked, repeat(False)), zip(places.added, repeat(True))):
        if place != before:
            if is_added:
                withheld.add(place)
            yield place
        before = place


def _left_out(places: Range, due: int, place: int) -> tuple[int, int]:
    """The first place and the end of what is left out before `place`, where `due` was expected.

    What lacks within a range is lost, not left out.
    """
    if places.chosen:
        return due, place
    if place > places.last:
        return max(due, places.last + 1), place
    return due, min(place, places.first)


def _without_text(line: Line) -> Line:
    shown = {name: line[name] for name in ("place", "leaf", "record") if name in line}
    return shown | {"payload": WITHHELD}


class _Gaps:
    """Reads the hashes that stand for gaps, which come in order."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tree, self._renewed_at = stored.tree(size), 0

    def between(self, first: int, end: int) -> Line:
        if end - self._renewed_at > TREE_PLACES:
            self._tree, self._renewed_at = stored.tree(self._size), end
        try:
            return {"left_out": [first, *(root.hex() for root in self._tree.cover(first, end))]}
        except HashesMissing:  # The log is damaged, and the export must be able to show it.
            return {}


def erasures() -> list[int]:
    """The newest records of erasures.

    If this changes while an export is made, it may hold text that should be gone, or lack text
    without the record that says why.
    """
    rows = Record.objects.filter(event=lines.ERASED).order_by("-at", "-pk")
    return list(rows.values_list("pk", flat=True)[:ERASURES])


def refuse_unsealed_erasures() -> None:
    """Raise ErasedMeanwhile if an erasure is not sealed yet.

    An export of the whole log would lack the record that says why text is gone.
    """
    if Record.objects.filter(event=lines.ERASED, unsealed__isnull=False).exists():
        raise ErasedMeanwhile


def refuse_erased(before: list[int]) -> None:
    """Raise ErasedMeanwhile if there are erasures that are not among those `before`."""
    if erasures() != before:
        raise ErasedMeanwhile
