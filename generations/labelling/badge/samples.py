"""Pictures on which a badge is shown before it is used: drawn here, so nobody's image is opened.

Each takes some 20 ms of processor time, so a request may draw one.
"""

import random
from collections.abc import Mapping
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageOps

from generations.imaging import encode
from generations.labelling.badge.drawing import Badge, put

# Width and height in pixels, by the name of the picture. They are shown at half that size.
SAMPLES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "light": (1200, 800),
        "dark": (1200, 800),
        "busy": (1200, 800),
        "portrait": (720, 1280),
        "wide": (1800, 600),
    }
)
_COLOURS = {
    "light": ("#fdfbf6", "#cfdbe6"),
    "dark": ("#1c2740", "#05060a"),
    "portrait": ("#f6b26b", "#4a1d5f"),
    "wide": ("#7fc8c2", "#f2e3c6"),
}
_CELL = 8  # pixels, the grain of the busy picture


def sample(name: str, badge: Badge) -> bytes:
    """The picture with that name and the badge, as a JPEG. Raises KeyError for another name."""
    labelled = put(badge, _picture(name, SAMPLES[name])).image
    return encode(labelled.reduce(2), "JPEG", quality=85)


def _picture(name: str, size: tuple[int, int]) -> Image.Image:
    if name == "busy":
        cells = size[0] // _CELL, size[1] // _CELL
        noise = random.Random(name).randbytes(cells[0] * cells[1] * 3)  # noqa: S311  # a pattern
        return Image.frombytes("RGB", cells, noise).resize(size, Image.Resampling.BICUBIC)
    above, below = _COLOURS[name]
    picture = ImageOps.colorize(Image.linear_gradient("L").resize(size), above, below)
    side = min(size) // 3
    left, top = size[0] // 2 - side, size[1] // 3
    ImageDraw.Draw(picture).ellipse((left, top, left + 2 * side, top + 2 * side), fill=below)
    return picture
