"""The shapes that pages can show. The style sheet has one class for each."""

import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from generations.providers.capabilities import AS_REFERENCE

SHAPES = {
    "r11": 1 / 1,
    "r43": 4 / 3,
    "r32": 3 / 2,
    "r169": 16 / 9,
    "r219": 21 / 9,
    "r34": 3 / 4,
    "r23": 2 / 3,
    "r916": 9 / 16,
}


def shape_of(width: int, height: int) -> str:
    """The class of the shape nearest to `width` by `height` pixels."""
    return min(SHAPES, key=lambda name: abs(math.log(width / height / SHAPES[name])))


def shape_of_ratio(ratio: str) -> str:
    """The class for an aspect ratio such as 16:9, or the square one for any other text.

    If the ratio is that of a reference, it is unknown until the first image comes.
    """
    width, _, height = ratio.partition(":")
    if width.isdecimal() and height.isdecimal() and int(width) and int(height):
        return shape_of(int(width), int(height))
    return "r11"


def format_asked(options: Mapping[str, Any]) -> str:
    """The format in a run's options as text: a ratio, or a width and a height; may be empty."""
    width, height = options.get("width"), options.get("height")
    return f"{width}×{height}" if width and height else ratio_asked(options)


def ratio_asked(options: Mapping[str, Any]) -> str:
    """The aspect ratio in a run's options as text; may be empty."""
    ratio: str = options.get("aspect_ratio", "")
    return _("as the first reference") if ratio == AS_REFERENCE else ratio


def shape_asked(options: Mapping[str, Any]) -> str:
    """The class for the shape in a run's options, or the square one if they have none."""
    width, height = options.get("width"), options.get("height")
    if width and height:
        return shape_of(width, height)
    return shape_of_ratio(options.get("aspect_ratio", ""))
