"""How fast the log is exported, and how much memory that takes, whatever the number of records."""

import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
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
        rate, size = _timed(fill, whole)
        missed |= _told(name, whole.count, rate, size, _peak(fill, traced))
    with tempfile.TemporaryDirectory() as folder, closing(Places(Path(folder))) as places:
        started = time.perf_counter()
        chosen = _of_team(places, whole)
        found = time.perf_counter() - started
        rate, size = _timed(_zip, chosen)
        text = f"ZIP of one team's, found in {found:.0f} s"
        missed |= _told(text, chosen.count, rate, size, _peak(_zip, chosen, most=TRACED))
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


def _timed(fill: Any, places: Range) -> tuple[float, int]:
    """Records a second of processor time, and the bytes of the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export")
        started = time.process_time()
        for _progress in fill(path, places):
            pass
        return places.count / (time.process_time() - started), path.stat().st_size


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


def _told(name: str, records: int, rate: float, size: int, peak: float) -> bool:
    text = f"export as {name}, {records:,} records"
    print(f"{text:<60}{rate:>9,.0f} a CPU second, {size / 1e6:,.0f} MB, {peak:.1f} MB in memory")
    return rate < TARGET_RATE or peak > TARGET_MB
