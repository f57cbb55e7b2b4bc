"""Adds the mark to a picture.

The mark is worked out on a small copy of the picture, so that its cost hardly depends on the
picture's size. What the picture itself says in each group of cells is known, and only what is
missing to a clear answer is added: "informed embedding" (Cox, Miller, Bloom: Digital Watermarking
and Steganography, chapter 5).
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from generations.labelling.mark import canvas, code
from generations.labelling.mark.code import Floats
from generations.labelling.mark.pattern import BORDER, COARSE, FINE, GROUPS, KNOWN, Pattern

# The mark's mean square in grey levels. Rounding takes some of it, so that at most 2.54 are left; a
# PSNR of 44 dB allows 2.59.
_ENERGY = 2.95
# How much may be added where nothing happens in the picture, how it grows with liveliness, and its
# limit, in grey levels. Where very much happens it is small again: it would be lost there.
_FLAT, _SLOPE, _MOST, _TOO_LIVELY = 1.3, 0.3, 1.9, 45.0
_NEAR_WHITE, _LIVELY, _MOST_SPARE = 253, (4.0, 12.0), 2.0
_LARGEST_SHARE = 2.5  # of that, for one group
_KNOWN_CLARITY = 9.0  # standard deviations of chance that the known pattern should stand out
_KNOWN_SHARES = (0.8, 1.3)
_ROUNDS = 3
_SURELY_READ = 1.0  # the clarity above which no error needs to be corrected
_FLAT_BELOW, _FLAT_PART, SMALL = 3.0, 0.3, 720
_BRIGHTER, _HIGHLIGHTS, _CLEAR_ENOUGH = 1.25, 0.02, 0.6
_CLARITIES = (-3.0, 40.0)
_HALVINGS = 12
_FINE = 16  # steps of a grey level in which the mark is enlarged
_PIXELS = 2**22  # that are changed at a time, which bounds memory


def add(image: Image.Image, number: int, key: bytes, pattern: Pattern) -> Image.Image | None:
    """A copy of an RGB or RGBA image with the mark, or None if it cannot be read from it."""
    grey = _samples(image)
    embedding = _Embedding(grey, code.encode(number, key), pattern)
    marked = _added(image, embedding.residual())
    if embedding.clarity >= _SURELY_READ:
        return marked
    height, width = grey.shape
    bits = soft_bits(canvas.samples(marked.convert("L"), (width, height)), pattern)
    return marked if code.decode(bits[None, :KNOWN], key)[0] == number else None


def _samples(image: Image.Image) -> Floats:
    luma = image.convert("L")
    coarse = canvas.samples(luma, sample_counts(*image.size, COARSE))
    if max(image.size) < SMALL or flat_part(coarse) > _FLAT_PART:
        return coarse
    return canvas.samples(luma, sample_counts(*image.size, FINE))


def flat_part(grey: Floats) -> float:
    """The part of a picture in which hardly anything happens."""
    return float(np.mean(canvas.liveliness(grey)[1] < _FLAT_BELOW))


def sample_counts(width: int, height: int, cells: float) -> tuple[int, int]:
    """How many samples a picture is wide and high whose longer side has that many cells."""
    factor = cells / max(width, height)
    return 2 * max(2, round(factor * width)), 2 * max(2, round(factor * height))


def soft_bits(grey: Floats, pattern: Pattern, top: int = BORDER, left: int = BORDER) -> Floats:
    """How clearly each group of cells is positive or negative, in standard deviations of chance.

    `top` and `left` say where on the plane the first cell of the samples `grey` lies.
    """
    cells = canvas.cell_means(canvas.weighed(grey))
    height, width = cells.shape
    part = np.s_[top : top + height, left : left + width]
    groups = pattern.groups[part]
    total = canvas.sums(groups, cells * pattern.signs[part], GROUPS)
    energy = canvas.sums(groups, cells * cells, GROUPS)
    return (total / np.sqrt(np.maximum(energy, 1e-9))).astype(np.float32)


class _View:
    """The picture as it is, or as it is when somebody makes it brighter by a factor."""

    def __init__(self, picture: "_Embedding", factor: float) -> None:
        self._picture, self._factor = picture, np.float32(factor)
        grey = np.minimum(picture.grey * self._factor, 255)
        kept = picture.mask * self._factor * ((grey < 255) | (factor == 1))
        around = picture.around if factor == 1 else canvas.liveliness(grey)[1]
        self.gains = np.maximum(picture.sums(canvas.cell_means(kept / around)), 1e-3)

    def look(self, residual: Floats) -> None:
        """Find out what each group says without its share, and how much of that is chance."""
        marked = np.clip((self._picture.grey + residual) * self._factor, 0, 255)
        cells = canvas.details(marked)
        self._chance = self._picture.roots * max(0.3, math.sqrt(np.mean(cells * cells)))
        found = self._picture.sums(cells * self._picture.wanted)
        self._without = found - self.gains * self._picture.shares

    def needed(self, clarity: float) -> NDArray[np.float64]:
        """The share of each group at which it is that many standard deviations clear."""
        return (clarity * self._chance - self._without) / self.gains


class _Embedding:
    """One number in one picture, given as samples. A group's share says how much of the mask it
    uses."""

    def __init__(self, grey: Floats, word: Floats, pattern: Pattern) -> None:
        self.grey, self.around = grey, canvas.liveliness(grey)[1]
        self.mask = _mask(grey, self.around)
        self.clarity = 0.0
        height, width = grey.shape[0] // 2, grey.shape[1] // 2
        part = np.s_[BORDER : BORDER + height, BORDER : BORDER + width]
        self._groups = pattern.groups[part]
        self.wanted = np.append(word, np.float32(1))[self._groups] * pattern.signs[part]
        self.roots = np.sqrt(self.sums(np.ones_like(self.wanted)))
        self.shares: NDArray[np.float64] = np.zeros(GROUPS)
        self._energies = self.sums(canvas.cell_means(self.mask**2))
        self._budget = _ENERGY * self.wanted.size
        self._views = [_View(self, 1)]
        if np.mean(grey * _BRIGHTER > 255) > _HIGHLIGHTS:
            self._views.append(_View(self, _BRIGHTER))

    def residual(self) -> Floats:
        """What to add to each sample, in grey levels."""
        for _ in range(_ROUNDS):
            self._improve(self._residual())
        return self._residual()

    def sums(self, cells: Floats) -> NDArray[np.float64]:
        return canvas.sums(self._groups, cells, GROUPS)

    def _residual(self) -> Floats:
        cells = self.wanted * self.shares.astype(np.float32)[self._groups]
        return self.mask * canvas.spread(cells)

    def _improve(self, residual: Floats) -> None:
        """Give each group no more than it needs to be as clear as all others."""
        for view in self._views:
            view.look(residual)
        least = np.zeros(GROUPS)
        if len(self._views) > 1:
            clarity, shares = self._clearest(self._views, least)
            least = shares if clarity > _CLEAR_ENOUGH else least
        self.clarity, self.shares = self._clearest(self._views[:1], least)

    def _clearest(
        self, views: list[_View], least: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]]:
        """The highest clarity within the budget, and the shares that give it."""
        known = np.clip(views[0].needed(_KNOWN_CLARITY)[KNOWN], *_KNOWN_SHARES)
        (low, high), best = _CLARITIES, least
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            shares = np.maximum.reduce([least, *(view.needed(middle) for view in views)])
            shares = np.minimum(shares, _LARGEST_SHARE)
            shares[KNOWN] = known
            fits = shares**2 @ self._energies <= self._budget and shares.mean() < 1
            low, high, best = (middle, high, shares) if fits else (low, middle, best)
        return low, best


def _mask(grey: Floats, around: Floats) -> Floats:
    """How much a sample may change, in grey levels.

    A picture that is mostly flat has energy to spare, which its lively parts get.
    """
    mask = np.minimum(_FLAT + _SLOPE * (around - 1.5), _MOST) / (1 + around / _TOO_LIVELY)
    energy = np.where(grey < _NEAR_WHITE, np.float32(1), np.float32(0.5))  # half of it is cut off
    lively = mask * np.clip((around - _LIVELY[0]) / (_LIVELY[1] - _LIVELY[0]), 0, 1)
    constant = float(np.mean(energy * mask * mask)) - _ENERGY
    if constant > 0:
        return mask * math.sqrt(_ENERGY / (constant + _ENERGY))
    linear, square = (float(np.mean(energy * lively * other)) for other in (mask, lively))
    spare = (math.sqrt(linear**2 - square * constant) - linear) / max(square, 1e-6)
    return mask + np.float32(min(spare, _MOST_SPARE)) * lively


def _added(image: Image.Image, residual: Floats) -> Image.Image:
    fine = np.clip(np.rint(residual * _FINE) + 128, 0, 255).astype(np.uint8)
    # Twice the size smoothly, and from there on fast.
    small = Image.fromarray(fine)
    small = small.resize((2 * small.width, 2 * small.height), Image.Resampling.BICUBIC)
    rows = max(1, _PIXELS // image.width)
    if rows >= image.height:
        return _sum(image, _enlarged(small, image.size, 0, image.height))
    marked = image.copy()
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        marked.paste(_sum(image.crop(box), _enlarged(small, image.size, top, box[3])), box)
    return marked


_WHOLE_LEVELS = [128 + round((value - 128) / _FINE) for value in range(256)]


def _enlarged(small: Image.Image, size: tuple[int, int], top: int, bottom: int) -> Image.Image:
    """Some rows of the residual in full size, in whole grey levels around 128."""
    factor = small.height / size[1]
    box = (0, top * factor, small.width, bottom * factor)
    rows = small.resize((size[0], bottom - top), Image.Resampling.BILINEAR, box=box)
    return rows.point(_WHOLE_LEVELS)


def _sum(rows: Image.Image, change: Image.Image) -> Image.Image:
    none = [Image.new("L", rows.size, 128)] if rows.mode == "RGBA" else []
    return ImageChops.add(rows, Image.merge(rows.mode, [change] * 3 + none), offset=-128)
