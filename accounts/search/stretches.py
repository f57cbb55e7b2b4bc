"""Stretches: ranges of keys that a search reads one after the other, from the newest.

Each token contains the number of its row's stretch, so one step of a search reads no more rows than
a stretch holds.
"""

from typing import NamedTuple

BITS = 13  # 8,192 keys

# The limits of one search, so that its cost does not grow with the rows. To learn that a stretch
# lacks a term takes some 20 µs. To read one in which two frequent words occur, but never together,
# takes about 1 ms.
MOST_PASSED = 1024
MOST_READ = 12  # with several terms
READ_AT_ONCE = 6  # then stretches that lack a term are passed over


class Term(NamedTuple):
    """What a row must have: the token `text`, or one that begins with it."""

    text: str
    is_beginning: bool = False


def stretch_of(row: int) -> int:
    """The number of the stretch that holds the key `row`."""
    return row >> BITS


def first_of(stretch: int) -> int:
    """The first key of a stretch."""
    return stretch << BITS
