"""The shapes that pages can show. The style sheet has one class for each."""

import math

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
