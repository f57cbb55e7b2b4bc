"""Images that people upload as references for a provider."""

from dataclasses import dataclass

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from PIL import Image

from generations.imaging.containers import sniff
from generations.imaging.decoding import ImageFacts, decode, fit, glance, one_at_a_time
from generations.imaging.encoding import encode
from generations.imaging.errors import ImageTooLarge, UnusableImage

# BytePlus ModelArk, image generation API (Seedream 4.5), parameter `image`: each side over 14
# pixels and at most 6000, ratio of the sides from 1:16 to 16:1, at most 10 MB. These are the
# strictest limits of all providers, so a reference that passes here can be sent to any of them.
MIN_SIDE = 15
MAX_SIDE = 6000
MAX_RATIO = 16
TOO_FEW_PIXELS = _(
    "The image has {width} × {height} pixels. Use one with at least {least} pixels on each side."
)
TOO_NARROW = _(
    "The image is too long and narrow: one side may be at most {ratio} times the other. Crop it."
)
MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class CleanImage:
    """A clean copy: `width` and `height` in pixels, the image upright, no metadata."""

    data: bytes
    format: str
    width: int
    height: int


def look_at_reference(data: bytes) -> ImageFacts:
    """The facts that an upload states, if it may be a reference; decodes no pixel.

    Raises what `clean_reference` raises, as far as the parts of the file show it.
    """
    facts = glance(data)
    _refuse_odd_shapes(facts.width, facts.height)
    return facts


def clean_reference(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_side: int = MAX_SIDE
) -> CleanImage:
    """An upload encoded anew, so that no metadata and no hidden data in the file survives.

    An image with a side above `max_side` pixels is reduced. If its file would exceed `max_bytes`,
    it becomes a JPEG (a WebP if it is transparent), and is refused with ImageTooLarge if that is
    still too large. Raises UnusableImage for a side under 15 pixels or a ratio of the sides beyond
    1 to 16, and what `decode` raises.
    """
    # An upload may have the largest size: its pixels are freed before the next one is decoded.
    with one_at_a_time:
        image = decode(data)
        _refuse_odd_shapes(*image.size)
        image = fit(image, max_side)
        for image_format, quality in _attempts(image, sniff(data)):
            clean = encode(image, image_format, quality=quality)
            if len(clean) <= max_bytes:
                return CleanImage(clean, image_format, *image.size)
    raise ImageTooLarge(_("The image's file is too big to send. Make the image smaller."))


def _refuse_odd_shapes(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise UnusableImage(
            format_lazy(
                TOO_FEW_PIXELS,
                width=width,
                height=height,
                least=MIN_SIDE,
            )
        )
    if max(width, height) > MAX_RATIO * min(width, height):
        raise UnusableImage(format_lazy(TOO_NARROW, ratio=MAX_RATIO))


def _attempts(image: Image.Image, image_format: str | None) -> list[tuple[str, int | None]]:
    compact = "WEBP" if image.mode == "RGBA" else "JPEG"
    return [(image_format or compact, None), (compact, None), (compact, 80)]
