"""Compares the stored roots of complete subtrees with those that follow from the leaves."""

from accounts.models import Subtree
from accounts.sealing.tree import BLOCK, STEP, TOP, fold


class Subtrees:
    """Takes the leaves in order of place, in memory that does not grow with the log."""

    def __init__(self) -> None:
        self._below: dict[int, list[bytes]] = {level: [] for level in range(0, TOP, STEP)}
        self._index = dict.fromkeys(range(STEP, TOP + 1, STEP), 0)

    def take(self, leaf: bytes) -> str:
        """Add the next leaf. Returns a sentence if a stored root is missing or wrong, or nothing.

        Raises ValueError for what is no hash.
        """
        level, found, told = 0, leaf, ""
        while level < TOP:
            self._below[level].append(found)
            if len(self._below[level]) < BLOCK:
                break
            found, self._below[level] = fold(self._below[level]), []
            level += STEP
            index = self._index[level]
            self._index[level] += 1
            if _stored(level, index) != found:
                last = (index + 1 << level) - 1
                told = f"The stored hash of the records {index << level} to {last} is not theirs."
        return told


def _stored(level: int, index: int) -> bytes | None:
    row = Subtree.objects.filter(level=level, index=index).first()
    return bytes(row.hash) if row else None
