"""Places of records, collected in any order and read in order, in constant memory."""

import heapq
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

# How many places are sorted in memory, and how many are read back at once from each sorted stretch.
STRETCH = 100_000
READ = 4_000
BYTES = 8


class Places:
    """Places of the log, each once, kept in a temporary file in `folder` until `close`.

    Add all of them and call `end`. Then read `first`, `last` (-1 if there are none) and `count`,
    and iterate as often as you like.
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # see `close`
        self._stretches: list[tuple[int, int]] = []
        self._new = array("q")
        self.first, self.last, self.count = -1, -1, 0

    def add(self, places: Iterable[int]) -> None:
        for place in places:
            self._new.append(place)
            if len(self._new) == STRETCH:
                self._write()

    def end(self) -> None:
        """Finish after the last `add`. Raises OSError if the disk is full."""
        self._write()
        for place in self:
            self.first = place if self.first < 0 else self.first
            self.last = place
            self.count += 1

    def __iter__(self) -> Iterator[int]:
        last = -1
        for place in heapq.merge(*(self._stretch(*each) for each in self._stretches)):
            if place != last:
                yield place
            last = place

    def close(self) -> None:
        self._file.close()

    def _write(self) -> None:
        if not self._new:
            return
        start = self._file.seek(0, 2)
        self._file.write(array("q", sorted(self._new)).tobytes())
        self._stretches.append((start, start + BYTES * len(self._new)))
        self._new = array("q")

    def _stretch(self, start: int, end: int) -> Iterator[int]:
        while start < end:
            self._file.seek(start)
            data = self._file.read(min(READ * BYTES, end - start))
            start += len(data)
            yield from array("q", data)
