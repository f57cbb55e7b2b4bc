"""Compares the stored roots of complete subtrees with those that follow from the leaves."""

from accounts.evidence.lines import hex_of
from accounts.models import Subtree
from accounts.sealing.tree import Completed, Node


class Subtrees:
    """Takes the leaves in order of place, in memory that does not grow with the log."""

    def __init__(self) -> None:
        self._completed = Completed()

    def take(self, leaf: bytes) -> list[str]:
        """Add the next leaf. Returns a sentence for each stored root that is missing or wrong."""
        return [
            _sentence(node)
            for node in self._completed.add(leaf)
            if _stored(node) != node.hash.hex()
        ]


def _stored(node: Node) -> str:
    rows = Subtree.objects.filter(level=node.level, index=node.index)
    return hex_of(rows.values_list("hash", flat=True).first())


def _sentence(node: Node) -> str:
    first, last = node.index << node.level, (node.index + 1 << node.level) - 1
    return f"The stored hash of the records {first} to {last} is missing or wrong."
