"""The pattern that a key makes: which cell of the plane carries which bit, with which sign.

The plane is larger than a picture, so that a screenshot with a little around the picture can be
found on it.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generations.labelling.mark.code import CODED_BITS

# How many cells the longer side of a picture has. Fine cells say more where a picture is lively,
# coarse ones survive encoding where it is flat.
FINE, COARSE = 184, 140
PLANE = 192  # times two samples it is 384, whose Fourier transform is fast
BORDER = 4  # where a picture begins on the plane

# Each block carries every coded bit once, and the known pattern in its other cells. So each part of
# a picture carries as much of each bit.
_BLOCK = (24, 16)
KNOWN = CODED_BITS  # the group of the cells of the known pattern, which says where the picture lies
GROUPS = CODED_BITS + 1
_KEYS_AT_HAND = 8


@dataclass(frozen=True)
class Pattern:
    """For each cell of the plane: in `groups` the coded bit that it carries, or KNOWN; in `signs` 1
    or -1. `transform` is the known pattern's Fourier transform, at two samples for a cell."""

    groups: NDArray[np.int64]
    signs: NDArray[np.float32]
    transform: NDArray[np.complex64]


@lru_cache(maxsize=_KEYS_AT_HAND)
def make(key: bytes) -> Pattern:
    """The pattern of a key. It is the same on each machine and with each version of numpy."""
    down, across = PLANE // _BLOCK[0], PLANE // _BLOCK[1]
    stream = hashlib.shake_256(b"imperceptible mark, pattern 1:" + key)
    drawn = np.frombuffer(stream.digest(8 * PLANE * PLANE), ">u8").reshape(down * across, -1)
    order = np.argsort(drawn, axis=1, kind="stable")
    groups = _joined(np.minimum(order, KNOWN), down, across)
    signs = _joined(np.where(drawn & 1, 1, -1).astype(np.float32), down, across)
    known = np.where(groups == KNOWN, signs, 0).astype(np.float32)
    return Pattern(groups, signs, _transform(known))


def _joined(blocks: NDArray[Any], down: int, across: int) -> NDArray[Any]:
    plane = blocks.reshape(down, across, *_BLOCK).swapaxes(1, 2)
    return np.ascontiguousarray(plane.reshape(PLANE, PLANE))


def _transform(cells: NDArray[np.float32]) -> NDArray[np.complex64]:
    return np.fft.rfft2(cells.repeat(2, axis=0).repeat(2, axis=1)).astype(np.complex64)
