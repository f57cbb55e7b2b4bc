"""How fast the log is exported, and how much memory that takes, whatever the number of records."""

import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accounts.evidence import archive, selection, tables
from accounts.evidence.places import Places
from accounts.evidence.selection import Range
from accounts.models import Leaf, RecordTeam, Team

# Records a second of processor time.
TARGET_RATE = 1500
TARGET_MB = 60
# tracemalloc makes everything slow, so memory is measured on so many records at most.
TRACED = 5_000


def measure() -> bool:
    """Export what is sealed, in every format. Returns whether a target was missed."""
    whole = selection.sealed_range()
    traced = selection.sealed_range(0, min(whole.last, TRACED - 1))
    missed = False
    for name, fill in FORMATS.items():
        made = _timed(fill, whole)
        missed |= _told(name, whole.count, made, _peak(fill, traced))
    with tempfile.TemporaryDirectory() as folder, closing(Places(Path(folder))) as places:
        started = time.perf_counter()
        chosen = _of_team(places, whole)
        found = time.perf_counter() - started
        made = _timed(_zip, chosen)
        text = f"ZIP of one team's, found in {found:.0f} s"
        missed |= _told(text, chosen.count, made, _peak(_zip, chosen, most=TRACED))
    return missed


def _zip(path: Path, places: Range) -> Iterator[Any]:
    return archive.fill(path, places, about={})


FORMATS = {"ZIP": _zip, "JSON Lines": tables.fill_lines, "CSV": tables.fill_csv}


def _of_team(places: Places, whole: Range) -> Range:
    team = Team.objects.get(name="Large")
    seen = RecordTeam.objects.filter(team=team).values("record_id")
    rows = Leaf.objects.filter(record_id__in=seen).values_list("place", flat=True)
    places.add(rows.iterator())
    places.end()
    return Range(places.first, places.last, whole.newest, places)


@dataclass(frozen=True)
class _Made:
    """Records a second by the clock and by processor time, and the bytes of the file."""

    rate: float
    cpu_rate: float
    size: int


def _timed(fill: Any, places: Range) -> _Made:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export")
        started, worked = time.perf_counter(), time.process_time()
        for _progress in fill(path, places):
            pass
        took, worked = time.perf_counter() - started, time.process_time() - worked
        return _Made(places.count / took, places.count / worked, path.stat().st_size)


def _peak(fill: Any, places: Range, *, most: int | None = None) -> float:
    """The most megabytes that Python holds at once."""
    with tempfile.TemporaryDirectory() as folder:
        tracemalloc.start()
        try:
            for progress in fill(Path(folder, "export"), places):
                if most and progress.records >= most:
                    break
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()


def _told(name: str, records: int, made: _Made, peak: float) -> bool:
    text = f"export as {name}, {records:,} records, {made.size / 1e6:,.0f} MB"
    print(
        f"{text:<70}{made.rate:>9,.0f} a second{made.cpu_rate:>9,.0f} a CPU second, "
        f"{peak:.1f} MB in memory",
        flush=True,
    )
    return made.cpu_rate < TARGET_RATE or peak > TARGET_MB
