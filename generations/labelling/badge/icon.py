"""The icon before the badge's text: the European Commission's, or the letters AI in a frame.

The Commission offers an icon for AI-generated content with its Code of Practice of 10 June 2026,
for free and as a choice, also in white on a transparent ground, which suits the badge's plate. Its
proportions must be kept. Its files may not be handed on with this software, so whoever runs a
studio puts them where the setting `EU_ICON_DIR` says; until then the letters are drawn.
"""

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from PIL import Image, ImageDraw

from generations.labelling.badge import typeface

_MAX_SIDE = 2000
_RATIOS = (0.5, 4.0)  # width by height
_DRAWN_RATIO = 1.3
_LINE, _RADIUS, _CAPITALS = 0.09, 0.24, 0.5  # of the drawn icon's height


@dataclass(frozen=True)
class Icon:
    """A PNG file with transparency; without a file, the letters AI are drawn.

    Raises ValueError for a file that is none, that is larger than 1 MB or 2000 pixels, or whose
    shape does not suit a badge.
    """

    MAX_BYTES: ClassVar[int] = 1_000_000

    file: bytes = b""

    def __post_init__(self) -> None:
        if len(self.file) > self.MAX_BYTES:
            raise ValueError("the icon's file is larger than 1 MB")
        if self.file and not _RATIOS[0] <= self.ratio <= _RATIOS[1]:
            raise ValueError("the icon is too long or too narrow for a badge")

    @cached_property
    def ratio(self) -> float:
        """Its width by its height."""
        return self._image.width / self._image.height if self.file else _DRAWN_RATIO

    @property
    def name(self) -> str:
        """How a record names it: the start of its file's SHA-256, or that it is drawn."""
        return hashlib.sha256(self.file).hexdigest()[:16] if self.file else "drawn"

    @cached_property
    def _image(self) -> Image.Image:
        try:
            image = Image.open(io.BytesIO(self.file), formats=["PNG"])
            if max(image.size) > _MAX_SIDE:
                raise ValueError("a side above 2000 pixels")
            return image.convert("RGBA")
        except (OSError, ValueError, SyntaxError) as error:
            raise ValueError(f"the icon's file is no PNG that can be used: {error}") from error


def draw_icon(icon: Icon, *, height: int) -> Image.Image:
    """The icon that many pixels high, on a transparent ground."""
    size = max(1, round(icon.ratio * height)), height
    if icon.file:
        return icon._image.resize(size, Image.Resampling.LANCZOS)
    fine = 4  # Pillow draws hard edges, so draw it large and shrink it.
    mask = Image.new("L", (size[0] * fine, size[1] * fine))
    pen, side = ImageDraw.Draw(mask), mask.height
    pen.rounded_rectangle(
        (0, 0, mask.width - 1, side - 1),
        _RADIUS * side,
        outline=255,
        width=max(1, round(_LINE * side)),
    )
    capitals = max(1, round(_CAPITALS * side))
    middle = mask.width / 2, (side + capitals) / 2
    pen.text(middle, "AI", fill=255, font=typeface.font(capitals), anchor="ms")
    white = Image.new("RGBA", size, "white")
    white.putalpha(mask.reduce(fine))
    return white
