"""The Merkle tree over the leaves of the log: its root and its proofs.

The tree is that of RFC 6962, section 2.1; inclusion and consistency proofs are those of RFC 9162,
sections 2.1.3 and 2.1.4. A node of level n is the root of 2**n leaves. The nodes of levels 10, 20
and 30 are stored, so a root or a proof reads at most 1,023 hashes of each stored level, however
many leaves there are. This module knows nothing of the database: `read` gives it the hashes.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

# Levels between two stored ones, and how many nodes of a stored level form one of the next.
STEP = 10
BLOCK = 2**STEP
# The highest stored level. Below 2**40 leaves, at most one block of it is ever read.
TOP = 30
MOST_LEAVES = 2 ** (TOP + STEP)
HASH_BYTES = 32

# `read(level, first, count)` returns `count` hashes of a stored level (0: the leaves), from the
# index `first` on, or raises if one is missing.
Read = Callable[[int, int, int], list[bytes]]


@dataclass(frozen=True, order=True)
class Node:
    """The root of a complete subtree of 2**level leaves, the first of which is index * 2**level."""

    level: int
    index: int
    hash: bytes


class RangeProof(NamedTuple):
    """The roots of the largest subtrees left and right of a range, each from left to right."""

    before: list[bytes]
    after: list[bytes]


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The number of leaves in the left subtree of a tree of `size` > 1 leaves."""
    return 1 << (size - 1).bit_length() - 1


class Tree:
    """A tree of `size` leaves. It reads blocks of hashes when it needs them, and keeps them."""

    def __init__(self, size: int, read: Read) -> None:
        if not 0 <= size < MOST_LEAVES:
            raise ValueError(f"a tree cannot have {size} leaves")
        self.size = size
        self._read = read
        self._blocks: dict[tuple[int, int], list[bytes]] = {}

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, by default of all."""
        size = self.size if size is None else self._checked(size)
        return self._subtree(0, size) if size else hashlib.sha256(b"").digest()

    def append(self, leaves: Iterable[bytes]) -> list[Node]:
        """Add leaves to the tree in memory. Return the nodes of stored levels that they complete.

        `leaves` are leaf hashes. The nodes are in order, lower levels first.
        """
        completed: list[Node] = []
        for leaf in leaves:
            if self.size + 1 == MOST_LEAVES:
                raise ValueError("the tree is full")
            self._block(0, self.size // BLOCK).append(leaf)
            self.size += 1
            level = STEP
            while level <= TOP and self.size % (1 << level) == 0:
                completed.append(self._complete(level, (self.size >> level) - 1))
                level += STEP
        return sorted(completed)

    def frontier(self, size: int | None = None) -> list[bytes]:
        """The roots of the complete subtrees of the first `size` leaves, the largest first."""
        size = self.size if size is None else self._checked(size)
        levels = [level for level in range(size.bit_length()) if size >> level & 1]
        return [self._node(level, (size >> level) - 1) for level in reversed(levels)]

    def inclusion_proof(self, place: int, size: int | None = None) -> list[bytes]:
        """The path from the leaf at `place` to the root of the first `size` leaves, upwards."""
        size = self.size if size is None else self._checked(size)
        if not 0 <= place < size:
            raise ValueError(f"a tree of {size} leaves has no leaf {place}")
        path, begin, end = [], 0, size
        while end - begin > 1:
            middle = begin + split(end - begin)
            if place < middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(begin, middle))
                begin = middle
        return path[::-1]

    def consistency_proof(self, old: int, size: int | None = None) -> list[bytes]:
        """The proof that the first `old` > 0 leaves are the beginning of the first `size`."""
        size = self.size if size is None else self._checked(size)
        if not 0 < old <= size:
            raise ValueError(f"no tree of {size} leaves begins with {old} leaves")
        path, begin, end = [], 0, size
        while old < end:
            middle = begin + split(end - begin)
            if old <= middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(begin, middle))
                begin = middle
        # The verifier knows the old root itself.
        return [*([self._subtree(begin, end)] if begin else []), *path[::-1]]

    def range_proof(self, first: int, end: int, size: int | None = None) -> RangeProof:
        """The hashes from which, with the leaves from `first` until before `end`, the root follows.

        The tree is that of the first `size` leaves. Walk it from its root, left before right: a
        subtree outside the range is in the proof, and one that is partly in it is walked further.
        """
        size = self.size if size is None else self._checked(size)
        if not 0 <= first < end <= size:
            raise ValueError(f"a tree of {size} leaves has no leaves from {first} to {end}")
        return self._outside(0, size, first, end)

    def cover(self, first: int, end: int) -> list[bytes]:
        """The roots of the largest complete subtrees from the leaf `first` until before `end`."""
        if not 0 <= first <= end <= self.size:
            raise ValueError(f"a tree of {self.size} leaves has no leaves from {first} to {end}")
        roots = []
        while first < end:
            # As large as the leaves that are left, and as the alignment of the first one, allow.
            level = min((first & -first or end).bit_length(), (end - first).bit_length()) - 1
            roots.append(self._node(level, first >> level))
            first += 1 << level
        return roots

    def _outside(self, begin: int, end: int, first: int, last: int) -> RangeProof:
        if end <= first:
            return RangeProof([self._subtree(begin, end)], [])
        if begin >= last:
            return RangeProof([], [self._subtree(begin, end)])
        if first <= begin and end <= last:
            return RangeProof([], [])
        middle = begin + split(end - begin)
        left = self._outside(begin, middle, first, last)
        right = self._outside(middle, end, first, last)
        return RangeProof(left.before + right.before, left.after + right.after)

    def _checked(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"a tree of {self.size} leaves has no beginning of {size} leaves")
        return size

    def _subtree(self, begin: int, end: int) -> bytes:
        """The root of the leaves from `begin` until before `end`, a subtree of the RFC's tree."""
        count = end - begin
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self._node(level, begin >> level)
        middle = begin + split(count)
        return node_hash(self._subtree(begin, middle), self._subtree(middle, end))

    def _node(self, level: int, index: int) -> bytes:
        """The root of a complete subtree, from the hashes of the stored level below it."""
        stored = min(level // STEP * STEP, TOP)
        count = 1 << (level - stored)
        start = index * count
        block = self._block(stored, start // BLOCK)
        return _fold(block[start % BLOCK : start % BLOCK + count])

    def _complete(self, level: int, index: int) -> Node:
        """Compute a node of a stored level from the full block below, and remember it."""
        node = Node(level, index, _fold(self._block(level - STEP, index)))
        block = self._block(level, index // BLOCK, but_last=True)
        block.append(node.hash)
        return node

    def _block(self, level: int, number: int, *, but_last: bool = False) -> list[bytes]:
        key = (level, number)
        if key not in self._blocks:
            first = number * BLOCK
            there = (self.size >> level) - but_last
            count = max(0, min(BLOCK, there - first))
            self._blocks[key] = self._read(level, first, count) if count else []
        return self._blocks[key]


def _fold(hashes: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [node_hash(left, right) for left, right in pairs]
    return hashes[0]


class Completed:
    """Finds the nodes of stored levels from the leaves alone, in memory that does not grow."""

    def __init__(self) -> None:
        self._below: dict[int, list[bytes]] = {level: [] for level in range(0, TOP, STEP)}
        self._count = dict.fromkeys(range(STEP, TOP + 1, STEP), 0)

    def add(self, leaf: bytes) -> list[Node]:
        """Add the next leaf. Returns the nodes that it completes, lower levels first."""
        nodes, level, found = list[Node](), 0, leaf
        while level < TOP:
            self._below[level].append(found)
            if len(self._below[level]) < BLOCK:
                break
            found, self._below[level] = _fold(self._below[level]), []
            level += STEP
            nodes.append(Node(level, self._count[level], found))
            self._count[level] += 1
        return nodes
