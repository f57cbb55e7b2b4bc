"""The tree as it is stored: leaves, and roots of complete subtrees."""

from collections.abc import Iterable

from accounts.models import Leaf, Subtree
from accounts.sealing.tree import Node, Tree


class HashesMissing(Exception):
    """The table lacks some of the `count` hashes of this level from the index `first` on."""

    def __init__(self, level: int, first: int, count: int) -> None:
        self.level, self.first, self.count = level, first, count
        super().__init__(f"level {level}: {count} hashes from {first} on are not all stored")


def tree(size: int) -> Tree:
    """The tree over the first `size` leaves. Its methods raise HashesMissing if one is gone."""
    return Tree(size, read)


def read(level: int, first: int, count: int) -> list[bytes]:
    """Hashes of a stored level, for `Tree`. Raises HashesMissing."""
    hashes = _subtrees(level, first, count) if level else _leaves(first, count)
    if len(hashes) != count:
        raise HashesMissing(level, first, count)
    return hashes


def _leaves(first: int, count: int) -> list[bytes]:
    rows = Leaf.objects.filter(place__gte=first, place__lt=first + count).order_by("place")
    return [bytes(leaf) for leaf in rows.values_list("leaf", flat=True)]


def _subtrees(level: int, first: int, count: int) -> list[bytes]:
    rows = Subtree.objects.filter(level=level, index__gte=first, index__lt=first + count)
    return [bytes(hash_) for hash_ in rows.order_by("index").values_list("hash", flat=True)]


def leaf_count() -> int:
    """How many leaves there are if none is missing: one more than the highest place."""
    highest = Leaf.objects.order_by("-place").values_list("place", flat=True).first()
    return 0 if highest is None else highest + 1


def add(first: int, leaves: Iterable[tuple[int, bytes]], nodes: Iterable[Node]) -> None:
    """Store leaves, each with the key of its record, from the place `first` on; and subtrees."""
    Leaf.objects.bulk_create(
        Leaf(place=place, record_id=record, leaf=leaf)
        for place, (record, leaf) in enumerate(leaves, first)
    )
    Subtree.objects.bulk_create(
        Subtree(level=node.level, index=node.index, hash=node.hash) for node in nodes
    )
