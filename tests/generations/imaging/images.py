"""Images made for tests, good and bad."""

import io
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image, ImageCms

FORMATS = ("JPEG", "PNG", "WEBP")

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def make_file(
    image_format: str = "PNG",
    *,
    size: tuple[int, int] = (320, 240),
    mode: str = "RGB",
    colour: Any = (90, 120, 160),
    image: Image.Image | None = None,
    **save: Any,
) -> bytes:
    """An image file; `save` goes to Pillow (exif, xmp, icc_profile, pnginfo …)."""
    out = io.BytesIO()
    (image or Image.new(mode, size, colour)).save(out, image_format, **save)
    return out.getvalue()


def read(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def make_noise(size: tuple[int, int], *, seed: int = 7) -> Image.Image:
    """A busy image, the same on every run."""
    count = size[0] * size[1] * 3
    state, values = seed, bytearray()
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        values.append(state >> 16 & 0xFF)
    return Image.frombytes("RGB", size, bytes(values))


def make_animation(image_format: str) -> bytes:
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN)]
    return make_file(
        image_format, image=frames[0], save_all=True, append_images=frames[1:], duration=100
    )


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def make_png(
    width: int, height: int, *, depth: int = 8, colour_type: int = 2, rows: bytes = b""
) -> bytes:
    """A handmade PNG, which need not hold the pixels that its header states."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(rows)),
            png_chunk(b"IEND", b""),
        )
    )


def claim_size(data: bytes, width: int, height: int) -> bytes:
    """The same file with another width and height in its header."""
    forged = bytearray(data)
    if data.startswith(b"\x89PNG"):
        return data[:16] + struct.pack(">II", width, height) + data[24:]
    if data.startswith(b"RIFF"):
        at = data.index(b"VP8 ") + 14
        forged[at : at + 4] = struct.pack("<HH", width, height)
    else:
        at = data.index(b"\xff\xc0") + 5
        forged[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(forged)


def make_exif(**tags: Any) -> bytes:
    """EXIF with base tags by their name: `Orientation=6, ImageDescription="…"`."""
    exif = Image.Exif()
    for name, value in tags.items():
        exif[getattr(ExifTags.Base, name)] = value
    return exif.tobytes()


def make_red_is_green_profile() -> bytes:
    """An ICC profile that turns stored red into visible green."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    directory = 128 + 4 + 12 * int.from_bytes(profile[128:132], "big")
    tags = profile[:directory].replace(b"rXYZ", b"____")
    tags = tags.replace(b"gXYZ", b"rXYZ").replace(b"____", b"gXYZ")
    return tags + profile[directory:]


def is_close(pixel: Any, colour: tuple[int, ...], *, tolerance: int = 12) -> bool:
    pairs = zip(pixel, colour, strict=True)
    return all(abs(got - wanted) <= tolerance for got, wanted in pairs)
