"""Finds the mark in a picture.

A picture as it left is read at once. One that was cropped, or has a little around it, is looked for
on the plane: for each scale, the known pattern says by a Fourier transform where the picture may
lie; the best places are refined and decoded.
"""

import heapq
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from generations.labelling.mark import canvas, code
from generations.labelling.mark.code import CODED_BITS, Floats
from generations.labelling.mark.embedding import SMALL, flat_part, sample_counts, soft_bits
from generations.labelling.mark.pattern import COARSE, FINE, KNOWN, PLANE, Pattern

_LARGEST = 4096  # pixels of the longer side, above which an image is made smaller first
_LEAST = 16
_SIDE = 1080  # pixels of the longer side in which a cropped picture is looked for
# The share of the longer side that was kept.
_SCALES = tuple(1.024 * 0.996**step for step in range(38))  # down to 0.88
_SURELY_FINE, _SURELY_COARSE = 0.1, 0.6  # parts of a picture that are flat
_CLEAR = 9.0  # standard deviations of chance at which no other scale is looked at
_AT_A_SCALE, _LOOKED_AT, _REFINED = 4, 40, 4
_STEPS = ((0.002, 0.5), (0.001, 0.25), (0.0005, 0.125))  # of the scale, and of the place in samples


@dataclass(frozen=True)
class Place:
    """Where a picture may lie on the plane: its first sample, and how many cells its longer side
    has. `score` says how clearly."""

    score: float
    cells: float
    top: float
    left: float


def prepared(image: Image.Image) -> Image.Image:
    """The grey levels of an image, small enough to be read in a bounded time."""
    luma = image.convert("RGB").convert("L")
    if max(luma.size) > _LARGEST:
        luma.thumbnail((_LARGEST, _LARGEST), Image.Resampling.BOX)
    return luma


def exact(luma: Image.Image, key: bytes, pattern: Pattern) -> tuple[int | None, Floats]:
    """The number in a whole picture, or None, and how clear each bit is."""
    for cells in (COARSE, FINE):
        grey = canvas.samples(luma, sample_counts(*luma.size, cells))
        bits = soft_bits(grey, pattern)
        number = code.decode(bits[None, :KNOWN], key)[0]
        if number is not None:
            break
    return number, bits


def searched(luma: Image.Image, key: bytes, pattern: Pattern) -> tuple[int | None, Floats | None]:
    """The number in a cropped picture, or None, and how clear each bit is."""
    if min(luma.size) < _LEAST:
        return None, None
    luma = luma.copy()
    luma.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    places = [_scored(luma, pattern, place) for place in _places(luma, pattern)]
    for place in heapq.nlargest(_REFINED, places, key=lambda place: place.score):
        bits = _bits(luma, pattern, _refined(luma, pattern, place))
        number = code.decode(bits[None, :KNOWN], key)[0]
        if number is not None:
            return number, bits
    return None, None


def _places(luma: Image.Image, pattern: Pattern) -> list[Place]:
    """The best places by the known pattern alone."""
    found: list[Place] = []
    for whole in _grains(luma):
        for kept in _SCALES:
            here = _places_at(luma, pattern, whole * kept)
            found += here
            best = max(place.score for place in found)
            if best > _CLEAR and max(place.score for place in here) < best / 2:
                return heapq.nlargest(_LOOKED_AT, found, key=lambda place: place.score)
    return heapq.nlargest(_LOOKED_AT, found, key=lambda place: place.score)


def _grains(luma: Image.Image) -> list[int]:
    """How many cells the longer side may have had, by how flat the picture is."""
    flat = flat_part(canvas.samples(luma, sample_counts(*luma.size, COARSE)))
    coarse = [COARSE] if flat > _SURELY_FINE or max(luma.size) < SMALL else []
    return coarse + ([FINE] if flat < _SURELY_COARSE else [])


def _places_at(luma: Image.Image, pattern: Pattern, cells: float) -> list[Place]:
    width, height = sample_counts(*luma.size, cells)
    grey = canvas.samples(luma, (width, height))
    plane = np.zeros((2 * PLANE, 2 * PLANE), np.float32)
    plane[:height, :width] = canvas.weighed(grey)
    likeness = np.fft.irfft2(np.conj(np.fft.rfft2(plane)) * pattern.transform, s=plane.shape)
    likeness = likeness[: 2 * PLANE - height + 1, : 2 * PLANE - width + 1]
    chance = math.sqrt(float((plane * plane).sum()) / 4) or 1.0
    best = np.argpartition(likeness, -_AT_A_SCALE, axis=None)[-_AT_A_SCALE:]
    return [
        Place(float(likeness[top, left]) / chance, cells, float(top), float(left))
        for top, left in zip(*np.unravel_index(best, likeness.shape), strict=True)
    ]


def _refined(luma: Image.Image, pattern: Pattern, place: Place) -> Place:
    """Climb to the clearest place near by."""
    for scale, step in _STEPS:
        for _ in range(2):
            before = place
            for change in _changes(scale, step):
                near = _scored(luma, pattern, _moved(luma, place, *change))
                place = max(place, near, key=lambda place: place.score)
            if place == before:
                break
    return place


def _changes(scale: float, step: float) -> list[tuple[float, float, float]]:
    return [
        (sign * one * scale, sign * two * step, sign * three * step)
        for one, two, three in ((1, 0, 0), (0, 1, 0), (0, 0, 1))
        for sign in (1, -1)
    ]


def _moved(luma: Image.Image, place: Place, scale: float, down: float, right: float) -> Place:
    """The place enlarged around its centre, and moved."""
    grown = place.cells * scale / max(luma.size)
    return Place(
        0,
        place.cells * (1 + scale),
        place.top + down - grown * luma.height,
        place.left + right - grown * luma.width,
    )


def _scored(luma: Image.Image, pattern: Pattern, place: Place) -> Place:
    """The place with a score from the known pattern and from how clear the unknown bits are."""
    bits = _bits(luma, pattern, place)
    clear = (float(bits[:KNOWN] @ bits[:KNOWN]) - CODED_BITS) / math.sqrt(2 * CODED_BITS)
    return Place(float(bits[KNOWN]) + max(0.0, clear), place.cells, place.top, place.left)


def _bits(luma: Image.Image, pattern: Pattern, place: Place) -> Floats:
    cell = max(luma.size) / place.cells  # in pixels
    top, y, down = _whole_cells(place.top / 2, luma.height / cell)
    left, x, across = _whole_cells(place.left / 2, luma.width / cell)
    right = min(luma.width, (x + across) * cell)
    bottom = min(luma.height, (y + down) * cell)
    box = (x * cell, y * cell, right, bottom)
    grey = canvas.samples(luma, (2 * across, 2 * down), box)
    return soft_bits(grey, pattern, top, left)


def _whole_cells(start: float, length: float) -> tuple[int, float, int]:
    """The first whole cell on the plane, how far into the picture it is, and how many follow."""
    first = max(0, math.ceil(start - 1e-6))
    into = max(0.0, first - start)
    return first, into, max(2, min(PLANE - first, int(length - into + 1e-6)))
