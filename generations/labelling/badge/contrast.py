"""How well white letters stand out from pixels: WCAG 2.2, relative luminance and contrast ratio."""

import math

from PIL import Image

Box = tuple[int, int, int, int]


def _linear(level: int) -> float:
    part = level / 255
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


# Rounded up, so that the contrast is never less than what is measured.
_LINEAR = [math.ceil(255 * _linear(level)) for level in range(256)] * 3
_LUMINANCE = (0.2126, 0.7152, 0.0722, 0.0)


def white_on(image: Image.Image, box: Box | None = None) -> float:
    """The contrast of white to the brightest pixel of an RGBA image within `box`; 1 to 21.

    Where the image is transparent, it is taken to lie on white, the worst case.
    """
    part = image.crop(box) if box else image
    white = Image.new("RGBA", part.size, "white")
    flat = Image.alpha_composite(white, part).convert("RGB")
    luminance = flat.point(_LINEAR).convert("L", _LUMINANCE)
    brightest = max(level for level, count in enumerate(luminance.histogram()) if count)
    return 1.05 / (brightest / 255 + 0.05)
