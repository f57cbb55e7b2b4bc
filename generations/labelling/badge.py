"""The visible label: white text on a dark plate in a corner, part of the image's pixels.

Sizes follow GB 45438-2025, 5.2 (text height at least 5 % of the shortest side for China) and the EU
Code of Practice on marking AI content of 10 June 2026, which gives no number. "Height" is read
strictly: it is the height of the capital letters, not of the font's line box.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from PIL import Image, ImageDraw

from generations.labelling import typeface

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]

# In heights of the capitals, like all measures of the plate.
_PADDING_X, _PADDING_Y, _LINE, _RADIUS = 0.85, 0.7, 1.75, 0.75

_SAFE_MARGIN = 0.03  # of the shortest side
_LEAST_HEIGHT = 12  # pixels; below this the lines of small letters merge
_SIZES = (0.02, 0.1)

# White on this plate has a contrast of 7 to 1 on a white photo and more on any other; WCAG 2.2
# asks for 4.5 (1.4.3) and for 7 at its highest level (1.4.6).
_PLATE_OPACITY = round(0.65 * 255)


@dataclass(frozen=True)
class Badge:
    """What the visible label says, and where and how large.

    `text` has one or two lines, `size` is the height of its capitals as a share of the
    image's shortest side. Raises ValueError where a character has no glyph in the font, and
    where the text would not fit into a square image.
    """

    text: str = "AI-generated"
    corner: Corner = "bottom-right"
    size: float = 0.025

    def __post_init__(self) -> None:
        lines = self.text.split("\n")
        if len(lines) > 2 or not all(line.strip() for line in lines):
            raise ValueError("give the badge one or two lines of text")
        if missing := sorted(set(self.text) - typeface.GLYPHS - {"\n"}):
            raise ValueError(f"the badge's font has no glyph for {' '.join(missing)}")
        if self.corner not in get_args(Corner):
            raise ValueError(f"{self.corner} is not one of {', '.join(get_args(Corner))}")
        if not _SIZES[0] <= self.size <= _SIZES[1]:
            raise ValueError(f"choose a badge size from {_SIZES[0]} to {_SIZES[1]}")
        if max(self.plate_sides) * self.size > 1 - 2 * _SAFE_MARGIN:
            raise ValueError("the badge's text is too long for its size")

    @property
    def plate_sides(self) -> tuple[float, float]:
        """Width and height of the plate, in heights of the capitals."""
        lines = self.text.split("\n")
        widest = max(typeface.width(line) for line in lines)
        return widest + 2 * _PADDING_X, 1 + _LINE * (len(lines) - 1) + 2 * _PADDING_Y


ENGLISH = Badge()
CHINESE = Badge(text="AI生成")
BILINGUAL = Badge(text="AI生成\nAI-generated")
GB_45438 = Badge(text="AI生成", size=0.05)


def capitals(badge: Badge, *, width: int, height: int) -> int:
    """The height in pixels that `draw` gives the capitals in an image of that size."""
    return max(_upright_and_turned(badge, width, height))


def draw(image: Image.Image, badge: Badge) -> Image.Image:
    """Return a copy of an RGB or RGBA image with the badge in its corner.

    The capitals are `badge.size` of the shortest side high, and at least 12 pixels if there is
    room. On a tall image that is too narrow for this, the badge is rotated to read upwards. On an
    icon of a few pixels it is cropped.
    """
    margin = _margin(*image.size)
    plate = _plate_for(badge, *image.size)
    left = margin if badge.corner.endswith("left") else image.width - margin - plate.width
    top = margin if badge.corner.startswith("top") else image.height - margin - plate.height
    box = (left, top, left + plate.width, top + plate.height)
    region = image.crop(box).convert("RGBA")
    region.alpha_composite(plate)
    labelled = image.copy()
    labelled.paste(region.convert(image.mode), box)
    return labelled


def _margin(width: int, height: int) -> int:
    return round(_SAFE_MARGIN * min(width, height))


def _plate_for(badge: Badge, width: int, height: int) -> Image.Image:
    upright, turned = _upright_and_turned(badge, width, height)
    plate = _plate(badge, max(upright, turned))
    return plate.transpose(Image.Transpose.ROTATE_90) if turned > upright else plate


def _upright_and_turned(badge: Badge, width: int, height: int) -> tuple[int, int]:
    """How high the capitals could be along the width and along the height of an image."""
    promised = math.ceil(badge.size * min(width, height))
    margin = _margin(width, height)
    room = width - 2 * margin, height - 2 * margin
    upright, turned = (
        max(promised, min(_LEAST_HEIGHT, _largest(badge, sides))) for sides in (room, room[::-1])
    )
    return upright, turned


def _largest(badge: Badge, room: tuple[int, int]) -> int:
    width, height = badge.plate_sides
    return int(min(room[0] / width, room[1] / height))


def _plate(badge: Badge, capitals: int) -> Image.Image:
    """The badge with transparent corners and capitals of that many pixels."""
    width, height = (math.ceil(capitals * side) for side in badge.plate_sides)
    plate = Image.new("RGBA", (width, height), "black")
    plate.putalpha(_rounded((width, height), _RADIUS * capitals))
    letters = Image.new("L", plate.size)
    pen, font = ImageDraw.Draw(letters), typeface.font(capitals)
    baseline = round(_PADDING_Y * capitals) + capitals
    for line in badge.text.split("\n"):
        pen.text((width / 2, baseline), line, fill=255, font=font, anchor="ms")
        baseline += round(_LINE * capitals)
    white = Image.new("RGBA", plate.size, "white")
    white.putalpha(letters)
    return Image.alpha_composite(plate, white)


def _rounded(size: tuple[int, int], radius: float) -> Image.Image:
    fine = 4  # Pillow draws hard edges, so draw it large and shrink it.
    mask = Image.new("L", (size[0] * fine, size[1] * fine))
    corner = (mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *corner), radius * fine, fill=_PLATE_OPACITY)
    return mask.reduce(fine)
