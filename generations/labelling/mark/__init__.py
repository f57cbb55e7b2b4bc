"""The imperceptible mark: a number in the pixels of a picture, under a key.

It is added to the brightness of a picture and survives what usually happens to one: encoding,
resizing, cropping at the edges, greyscale. Without the key it can neither be read nor told from
noise. Pure: pixels in, pixels out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from generations.labelling.mark import code, embedding, pattern, reading

__all__ = [
    "KEY_BYTES",
    "LARGEST_NUMBER",
    "Found",
    "Marker",
    "NumberMark",
    "read",
]

KEY_BYTES = 32
LARGEST_NUMBER = code.LARGEST_NUMBER
# A picture with a smaller side, or with sides further apart, carries no mark.
LEAST_SIDE, MOST_RATIO = 200, 4


@dataclass(frozen=True)
class Found:
    """What was read: the number, the number of the key, and the share of the mark's bits that were
    right before errors were corrected, from 0.5 to 1."""

    number: int
    key_number: int
    confidence: float


@dataclass(frozen=True)
class Marker:
    """A key and its number. `key` is 32 secret bytes; raises ValueError for another length."""

    key: bytes
    key_number: int

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise ValueError(f"a key of the mark has {KEY_BYTES} bytes, not {len(self.key)}")

    def __repr__(self) -> str:
        return f"Marker(key_number={self.key_number})"  # the key is secret

    def with_number(self, number: int) -> "NumberMark":
        """The mark that carries `number`. Raises ValueError unless it is 0 to 2**40 - 1."""
        if not 0 <= number <= LARGEST_NUMBER:
            raise ValueError(f"the mark holds numbers from 0 to {LARGEST_NUMBER}")
        return NumberMark(self, number)


@dataclass(frozen=True)
class NumberMark:
    """One number under one key: what `Labels.mark` takes."""

    marker: Marker
    number: int

    @property
    def key_number(self) -> int:
        return self.marker.key_number

    def embed(self, image: Image.Image) -> Image.Image | None:
        """A copy of an RGB or RGBA image with the mark; transparency stays as it is.

        None if the image is too small, too narrow or too full of detail to carry it.
        """
        if not can_carry(*image.size):
            return None
        return embedding.add(image, self.number, self.marker.key, pattern.make(self.marker.key))


def can_carry(width: int, height: int) -> bool:
    """Whether an image of that size can have a mark at all."""
    least, most = sorted((width, height))
    return least >= LEAST_SIDE and most <= MOST_RATIO * least


def read(image: Image.Image, keys: Iterable[Marker]) -> Found | None:
    """The number in an image of any mode, or None if it has no mark under any of the keys.

    An image as it left takes some 10 ms for each key. One without a mark takes the longest, up to
    about a second for each key, because all crops are tried.
    """
    luma = reading.prepared(image)
    keys = list(keys)
    for attempt in (reading.exact, reading.searched):
        for marker in keys:
            number, bits = attempt(luma, marker.key, pattern.make(marker.key))
            if number is not None and bits is not None:
                return Found(number, marker.key_number, _agreement(number, marker, bits))
    return None


def _agreement(number: int, marker: Marker, bits: code.Floats) -> float:
    word = code.encode(number, marker.key)
    return float(np.mean(word * bits[: len(word)] > 0))
