"""What embedding and reading see of a picture: its small details, each divided by how lively its
surroundings are, at two samples for a cell.

So an edge or a texture counts as little as a flat area, and brightness does not count at all.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generations.labelling.mark.code import Floats

_FLOOR = 1.5  # grey levels; below it, noise of encoding would count as much as the picture
_LIMIT = 1.0

Box = tuple[float, float, float, float]


def samples(luma: Image.Image, size: tuple[int, int], box: Box | None = None) -> Floats:
    """The grey levels of a picture, or of a box in it, at another size."""
    width = box[2] - box[0] if box else luma.width
    method = Image.Resampling.BOX if width >= size[0] else Image.Resampling.BICUBIC
    return np.asarray(luma.resize(size, method, box=box, reducing_gap=2.0), np.float32)


def liveliness(grey: Floats) -> tuple[Floats, Floats]:
    """The details of a picture, and how large details around each sample are, in grey levels."""
    details = grey - _mean(grey, 1)
    return details, np.sqrt(np.maximum(_mean(details * details, 2), 0)) + np.float32(_FLOOR)


def limited(grey: Floats) -> Floats:
    """The details of a picture, in units of how large details are there."""
    found, around = liveliness(grey)
    return np.clip(found / around, -_LIMIT, _LIMIT)


def details(grey: Floats) -> Floats:
    """The mean of `limited` in each cell."""
    return cell_means(limited(grey))


def weighed(grey: Floats) -> Floats:
    """`limited`, each detail with a weight: what to read a mark from.

    The livelier the surroundings, the smaller a part of a detail is the mark. So the details that
    count most are those that say most, as a receiver with several antennas combines them.
    """
    found, around = liveliness(grey)
    return np.clip(found / around, -_LIMIT, _LIMIT) / (around * np.sqrt(around))


def cell_means(grey: Floats) -> Floats:
    rows = grey[::2] + grey[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)


def spread(cells: Floats) -> Floats:
    """Each cell as two by two samples."""
    return cells.repeat(2, axis=0).repeat(2, axis=1)


def _mean(grey: Floats, reach: int) -> Floats:
    """The mean of the square around each sample."""
    padded = np.pad(grey, reach, mode="reflect")
    height, width = grey.shape
    rows = padded[:height].copy()
    for start in range(1, 2 * reach + 1):
        rows += padded[start : start + height]
    total = rows[:, :width].copy()
    for start in range(1, 2 * reach + 1):
        total += rows[:, start : start + width]
    total *= np.float32(1 / (2 * reach + 1) ** 2)
    return total


def sums(groups: NDArray[np.int64], cells: Floats, count: int) -> NDArray[np.float64]:
    """The sum of the cells of each group."""
    return np.bincount(groups.ravel(), cells.ravel(), count).astype(np.float64, copy=False)
