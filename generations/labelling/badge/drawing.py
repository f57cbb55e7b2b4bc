"""The visible label: white text on a dark plate in a corner, part of the image's pixels.

Sizes follow GB 45438-2025, 5.2 (text height at least 5 % of the shortest side for China) and the EU
Code of Practice on marking AI content of 10 June 2026, which gives no number. "Height" is read
strictly: it is the height of the capital letters, not of the font's line box.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

from PIL import Image, ImageDraw

from generations.labelling.badge import typeface
from generations.labelling.badge.contrast import white_on
from generations.labelling.badge.icon import Icon, draw_icon

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]

# In heights of the capitals, like all measures of the plate.
_PADDING_X, _PADDING_Y, _LINE, _RADIUS = 0.85, 0.7, 1.75, 0.75
_ICON, _GAP = 1.75, 0.55  # the icon's height, and the space between it and the text

_SAFE_MARGIN = 0.03  # of the shortest side
_LEAST_HEIGHT = 12  # pixels; below this the lines of small letters merge
_SIZES = (0.02, 0.1)

# White on this plate has a contrast of 7 to 1 on a white photo and more on any other; WCAG 2.2
# asks for 4.5 (1.4.3) and for 7 at its highest level (1.4.6).
_PLATE_OPACITY = round(0.65 * 255)
_LEAST_CONTRAST = 4.5
_TURN = Image.Transpose.ROTATE_90

# A story of 1080 x 1920 pixels is covered by the account's name at its top and by the field for
# answers at its bottom: Meta, "Safe zones for Stories", names 250 pixels (14 %) above and 340
# (18 %) below.
_STORY = 16 / 9 * 0.97  # height by width; a little less is still shown as a story
_COVERED_ABOVE, _COVERED_BELOW = 0.14, 0.18


@dataclass(frozen=True)
class Badge:
    """What the visible label says, and where and how large.

    `text` has one or two lines, `size` is the height of its capitals as a share of the
    image's shortest side. `icon` stands before the text. With `clear_of_stories` the badge keeps
    out of what an app covers of a picture in the shape of a story; it has no effect on other
    shapes. Raises ValueError where a character has no glyph in the font, and where the text would
    not fit into a square image.
    """

    text: str = "AI-generated"
    corner: Corner = "bottom-right"
    size: float = 0.025
    icon: Icon | None = None
    clear_of_stories: bool = False

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
        height = 1 + _LINE * (len(lines) - 1) + 2 * _PADDING_Y
        return widest + self.icon_width + 2 * _PADDING_X, height

    @property
    def icon_width(self) -> float:
        """The width of the icon with the space after it, in heights of the capitals."""
        return self.icon.ratio * _ICON + _GAP if self.icon else 0


@dataclass(frozen=True)
class Badged:
    """An image with a badge: the height of the capitals in pixels, and the contrast of the letters
    to what is under them, as WCAG 2.2 measures it.
    """

    image: Image.Image
    capitals: int
    contrast: float


ENGLISH = Badge()
CHINESE = Badge(text="AI生成")
BILINGUAL = Badge(text="AI生成\nAI-generated")
GB_45438 = Badge(text="AI生成", size=0.05)


def put(badge: Badge, image: Image.Image) -> Badged:
    """A copy of an RGB or RGBA image with the badge in its corner: see `worn`."""
    with worn(badge, image) as badged:
        return replace(badged, image=image.copy())


@contextmanager
def worn(badge: Badge, image: Image.Image) -> Iterator[Badged]:
    """An RGB or RGBA image itself with the badge in its corner, until the context ends.

    The capitals are `badge.size` of the shortest side high, and at least 12 pixels if there is
    room. On a tall image that is too narrow for this, the badge is rotated to read upwards. On an
    icon of a few pixels it is cropped.
    """
    upright, turned = _upright_and_turned(badge, *image.size)
    height = max(upright, turned)
    letters = _letters(badge, height)
    letters = letters.transpose(_TURN) if turned > upright else letters
    box = _box(badge, image, letters)
    before = image.crop(box)
    region, contrast = _on_plate(before.convert("RGBA"), letters, height)
    region.alpha_composite(letters)
    image.paste(region.convert(image.mode), box)
    try:
        yield Badged(image, height, round(contrast, 2))
    finally:
        image.paste(before, box)


def _on_plate(
    region: Image.Image, letters: Image.Image, capitals: int
) -> tuple[Image.Image, float]:
    """The region under a plate on which the letters stand out, and their contrast to it.

    The contrast is measured in the pixels that are there. If it does not suffice, as where the soft
    corners of a plate of a few pixels reach the letters, the plate is a black box.
    """
    lettered = letters.getchannel("A").getbbox()
    soft = region.copy()
    soft.alpha_composite(_plate(region.size, _RADIUS * capitals))
    contrast = white_on(soft, lettered)
    if contrast >= _LEAST_CONTRAST:
        return soft, contrast
    box = Image.new("RGBA", region.size, "black")
    return box, white_on(box)


def _box(badge: Badge, image: Image.Image, plate: Image.Image) -> tuple[int, int, int, int]:
    margin = _margin(*image.size)
    above, below = _covered(badge, *image.size)
    left = margin if badge.corner.endswith("left") else image.width - margin - plate.width
    top = (
        above + margin
        if badge.corner.startswith("top")
        else image.height - below - margin - plate.height
    )
    return left, top, left + plate.width, top + plate.height


def _margin(width: int, height: int) -> int:
    return round(_SAFE_MARGIN * min(width, height))


def _covered(badge: Badge, width: int, height: int) -> tuple[int, int]:
    """How many pixels of a story are covered above and below."""
    if not badge.clear_of_stories or height < _STORY * width:
        return 0, 0
    return math.ceil(_COVERED_ABOVE * height), math.ceil(_COVERED_BELOW * height)


def _upright_and_turned(badge: Badge, width: int, height: int) -> tuple[int, int]:
    """How high the capitals could be along the width and along the height of an image."""
    promised = math.ceil(badge.size * min(width, height))
    margin = _margin(width, height)
    room = width - 2 * margin, height - 2 * margin - sum(_covered(badge, width, height))
    upright, turned = (
        max(promised, min(_LEAST_HEIGHT, _largest(badge, sides))) for sides in (room, room[::-1])
    )
    return upright, turned


def _largest(badge: Badge, room: tuple[int, int]) -> int:
    width, height = badge.plate_sides
    return int(min(room[0] / width, room[1] / height))


def _size(badge: Badge, capitals: int) -> tuple[int, int]:
    width, height = badge.plate_sides
    return math.ceil(capitals * width), math.ceil(capitals * height)


@lru_cache(maxsize=16)
def _plate(size: tuple[int, int], radius: float) -> Image.Image:
    """A dark plate with transparent corners."""
    plate = Image.new("RGBA", size, "black")
    plate.putalpha(_rounded(size, radius))
    return plate


@lru_cache(maxsize=16)
def _letters(badge: Badge, capitals: int) -> Image.Image:
    """The text and the icon on a transparent layer as large as the plate, capitals that high."""
    size = _size(badge, capitals)
    mask = Image.new("L", size)
    pen, font = ImageDraw.Draw(mask), typeface.font(capitals)
    taken = round(badge.icon_width * capitals)
    baseline = round(_PADDING_Y * capitals) + capitals
    for line in badge.text.split("\n"):
        pen.text(((size[0] + taken) / 2, baseline), line, fill=255, font=font, anchor="ms")
        baseline += round(_LINE * capitals)
    letters = Image.new("RGBA", size, "white")
    letters.putalpha(mask)
    if badge.icon:
        drawn = draw_icon(badge.icon, height=max(1, round(_ICON * capitals)))
        place = round(_PADDING_X * capitals), (size[1] - drawn.height) // 2
        letters.alpha_composite(drawn, place)
    return letters


def _rounded(size: tuple[int, int], radius: float) -> Image.Image:
    fine = 4  # Pillow draws hard edges, so draw it large and shrink it.
    mask = Image.new("L", (size[0] * fine, size[1] * fine))
    corner = (mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *corner), radius * fine, fill=_PLATE_OPACITY)
    return mask.reduce(fine)
