"""The closed set of shapes that pages know: the style sheet has one class for each."""

import math
from collections.abc import Mapping
from typing import Any

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
    """The class for an aspect ratio as engines write it, such as 16:9; square where it is none."""
    width, _, height = ratio.partition(":")
    if width.isdecimal() and height.isdecimal() and int(width) and int(height):
        return shape_of(int(width), int(height))
    return "r11"


def format_asked(options: Mapping[str, Any]) -> str:
    """What a run's options say of the format: a ratio, or a width and a height; may be empty."""
    width, height = options.get("width"), options.get("height")
    return f"{width}×{height}" if width and height else options.get("aspect_ratio", "")


def shape_asked(options: Mapping[str, Any]) -> str:
    """The class for the shape that a run's options ask for; square where they say nothing."""
    width, height = options.get("width"), options.get("height")
    if width and height:
        return shape_of(width, height)
    return shape_of_ratio(options.get("aspect_ratio", ""))
