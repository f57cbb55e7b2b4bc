"""The typeface of the badge, reduced to the characters that labels use."""

import io
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

_FONTS = Path(__file__).parent / "fonts"
_FONT_FILE = (_FONTS / "NotoSansCJKsc-Bold-labels.otf").read_bytes()

GLYPHS = frozenset((_FONTS / "glyphs.txt").read_text("utf-8")) - {"\n"}

# The height of capital letters as a share of the font size (the font's OS/2 sCapHeight).
_CAPITALS = 0.733


@lru_cache(maxsize=32)
def font(capitals: int) -> ImageFont.FreeTypeFont:
    """The font at the size at which capital letters are `capitals` pixels high.

    A whole number puts their top and the baseline on pixel borders, which keeps them sharp.
    """
    # The basic layout draws the same on every machine; the other one depends on a system library.
    layout = ImageFont.Layout.BASIC
    return ImageFont.truetype(io.BytesIO(_FONT_FILE), capitals / _CAPITALS, layout_engine=layout)


def width(line: str) -> float:
    """The width of a line, in heights of its capitals."""
    return font(100).getlength(line) / 100
