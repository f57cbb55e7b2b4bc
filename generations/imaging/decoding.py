"""Decodes untrusted bytes into pixels, within limits of size and time."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from PIL import ExifTags, Image, ImageCms

from generations.imaging import containers
from generations.imaging.errors import ImageTooLarge, NotAnImage, TruncatedImage, UnusableImage

ALLOWED_FORMATS = ("JPEG", "PNG", "WEBP")

# Seedream's largest image has 16.8 million pixels (4096 x 4096), a phone's photo up to 50;
# 40 million decode to at most 160 MB.
MAX_PIXELS = 40_000_000
TOO_MANY_PIXELS = _(
    "The image has {width} × {height} pixels, more than the {limit} million that can be used. "
    "Make it smaller."
)

# A progressive JPEG has about ten scans. Each is a pass over all pixels, so a small file with
# thousands of scans would keep a processor busy for minutes.
MAX_SCANS = 100

# Decoded pixels take up to 160 MB. Code that decodes holds this lock, so that memory does not grow
# with the number of threads.
one_at_a_time = threading.RLock()

# EXIF 2.32, 4.6.4 A, tag Orientation: the operation that turns the stored pixels upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


def load_plugins() -> None:
    """Import Pillow's plugins now; otherwise Pillow does it at the first image."""
    Image.init()


@dataclass(frozen=True)
class ImageFacts:
    """An image's format, and its width and height in pixels as people see it."""

    format: str
    width: int
    height: int


def glance(data: bytes) -> ImageFacts:
    """Return the facts that the file states about itself; no pixel is decoded.

    Width and height are as stored, before any rotation. Raises the errors of `inspect`, if they can
    be found without decoding.
    """
    image_format, size = _header(data)
    return ImageFacts(image_format, *size)


def inspect(data: bytes) -> ImageFacts:
    """Decode an image completely and return its facts.

    The format is found from the content. Raises NotAnImage (TruncatedImage if the file ends too
    early), ImageTooLarge, or UnusableImage for an animation.
    """
    image = _open(data)
    with one_at_a_time, _pillow_trouble_means_damaged():
        image.load()
    width, height = image.size
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    return ImageFacts(_sniff(data), width, height)


def load(data: bytes) -> tuple[ImageFacts, Image.Image]:
    """An image's facts, and its pixels as `decode` gives them, from one decoding.

    Raises what `inspect` raises.
    """
    image = decode(data)
    return ImageFacts(_sniff(data), *image.size), image


def skim(data: bytes) -> tuple[ImageFacts, Image.Image]:
    """The facts of a file that stands upright, and its pixels at an eighth of its size, rounded up.

    Every byte is read, but of a JPEG only the mean of each block of 8 x 8 pixels is made, at half
    the time of a full decoding. Mode and colours are the file's own. Raises what `inspect` raises.
    """
    image = _open(data)
    facts = ImageFacts(_sniff(data), *image.size)
    eighth = -(-facts.width // 8), -(-facts.height // 8)
    with one_at_a_time, _pillow_trouble_means_damaged():
        # Pillow takes the largest of 1, 2, 4 and 8 by which the image is still as large as this.
        image.draft(None, (max(1, facts.width // 8), max(1, facts.height // 8)))
        image.load()
    for _halving in range(3):
        image = image if image.size == eighth else image.reduce(2)
    return facts, image


def decode(data: bytes, *, max_side: int | None = None) -> Image.Image:
    """The image upright, in sRGB, mode RGB or RGBA, without any metadata.

    With `max_side` (pixels) it is reduced to fit; a JPEG is then decoded at a half or less of its
    size if that is enough, which saves time and memory. Raises what `inspect` raises.
    """
    image = _open(data)
    with one_at_a_time, _pillow_trouble_means_damaged():
        if max_side is not None:
            # One and a half times the size leaves the final filter enough pixels to work with.
            image.draft(None, _fitted(image.size, max_side * 3 // 2))
        image.load()
        orientation = _orientation(image)
        image = _to_srgb(image)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    image.info.clear()
    return image if max_side is None else fit(image, max_side)


def fit(image: Image.Image, max_side: int) -> Image.Image:
    """The image reduced so that its longest side is at most `max_side` pixels; never enlarged."""
    size = _fitted(image.size, max_side)
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def fit_fast(image: Image.Image, max_side: int) -> Image.Image:
    """`fit` in less than half the time and a little softer."""
    size = _fitted(image.size, max_side)
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.HAMMING, reducing_gap=1.0)


def fit_whole(image: Image.Image, max_side: int) -> Image.Image:
    """The image reduced by the smallest whole number that makes it fit, which is fastest.

    Its longest side is more than half of `max_side`, unless it was shorter before.
    """
    factor = -(-max(image.size) // max_side)
    return image if factor == 1 else image.reduce(factor)


def _fitted(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _open(data: bytes) -> Image.Image:
    """Read the header with all checks; no memory for pixels is allocated yet."""
    image_format, _size = _header(data)
    with _pillow_trouble_means_damaged():
        image = Image.open(io.BytesIO(data), formats=[image_format])
        frames = getattr(image, "n_frames", 1)
    # Once more, because Pillow may have read another header than `_header`.
    _refuse_too_many_pixels(*image.size)
    # Phones store a depth or brightness map behind the photo of a JPEG: that is not an animation.
    if frames > 1 and image_format != "JPEG":
        raise _animated()
    return image


def _header(data: bytes) -> tuple[str, tuple[int, int]]:
    """The format, and the width and height that the file states, without Pillow."""
    image_format = _sniff(data)
    is_complete, scans = containers.completeness(data)
    if not is_complete:
        raise TruncatedImage(
            _("The file ends before the image is complete. Download or export it again.")
        )
    size = containers.dimensions(data)
    if size is None or 0 in size:
        raise _damaged()
    _refuse_too_many_pixels(*size)
    if scans > MAX_SCANS:
        raise _damaged()
    if containers.is_animated(data):
        raise _animated()
    return image_format, size


def _sniff(data: bytes) -> str:
    image_format = containers.sniff(data)
    if image_format is None:
        raise NotAnImage(_what_to_do_with(data))
    return image_format


def _what_to_do_with(data: bytes) -> Promise:
    """What to do with a file in a format that is not read."""
    kind = containers.foreign(data)
    if kind == "HEIC":
        return _(
            "This is a HEIC photo. Save it as JPEG. An iPhone takes JPEG photos if you choose "
            "“Most Compatible” in Settings, Camera, Formats."
        )
    if kind == "SVG":
        return _("This is an SVG drawing. Export it as PNG.")
    return _("This is not a JPEG, PNG or WebP image. Save it as one of these.")


def _refuse_too_many_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(
            format_lazy(
                TOO_MANY_PIXELS,
                width=width,
                height=height,
                limit=MAX_PIXELS // 1_000_000,
            )
        )


def _animated() -> UnusableImage:
    return UnusableImage(_("The image is animated. Use a still image."))


def _damaged() -> NotAnImage:
    return NotAnImage(_("The image is damaged and can't be read. Export it again."))


@contextmanager
def _pillow_trouble_means_damaged() -> Iterator[None]:
    try:
        yield
    except MemoryError:  # the machine is at fault, not the image
        raise
    except Exception as error:  # on hostile bytes Pillow raises whatever its parsers raise
        raise _damaged() from error


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # the pixels are intact; broken EXIF costs only the rotation
        return 1
    return orientation if isinstance(orientation, int) else 1


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        # 16-bit grey: keep the high byte. Pillow would turn all but the darkest values white.
        image = image.point(lambda level: level / 256).convert("L")
        # It names one of 65,536 greys, which 8 bits can't tell apart.
        image.info.pop("transparency", None)
    if image.has_transparency_data:
        image = _in_mode("RGBA", image)
    elif image.mode not in ("L", "CMYK"):  # these two may have a colour profile of their own type
        image = _in_mode("RGB", image)
    if profile:
        image = _apply_profile(image, profile)
    return image if image.mode == "RGBA" else _in_mode("RGB", image)


def _in_mode(mode: str, image: Image.Image) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)  # convert() would make a copy


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGBA" if image.mode == "RGBA" else "RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        # Browsers too ignore a profile that is broken or for another colour space.
        return image
    return converted or image
