"""Compares the stored roots of complete subtrees with those that follow from the leaves."""

from accounts.models import Subtree
from accounts.sealing.tree import Completed, Node


class Subtrees:
    """Takes the leaves in order of place, in memory that does not grow with the log."""

    def __init__(self) -> None:
        self._completed = Completed()

    def take(self, leaf: bytes) -> list[str]:
        """Add the next leaf. Returns a sentence for each stored root that is missing or wrong."""
        return [_sentence(node) for node in self._completed.add(leaf) if _stored(node) != node.hash]


def _stored(node: Node) -> bytes | None:
    row = Subtree.objects.filter(level=node.level, index=node.index).first()
    return bytes(row.hash) if row else None


def _sentence(node: Node) -> str:
    first, last = node.index << node.level, (node.index + 1 << node.level) - 1
    return f"The stored hash of the records {first} to {last} is missing or wrong."
