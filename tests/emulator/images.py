"""Real images of the requested size, each different, made quickly."""

import io
import zlib
from functools import lru_cache

from PIL import Image, ImageOps

COLOURS = ("#c0392b", "#d68910", "#1e8449", "#2471a3", "#7d3c98", "#566573")
COMMENT = b"\xff\xfe"


def jpeg(size: tuple[int, int], mark: str) -> bytes:
    """A JPEG of `size` pixels; `mark` chooses its colour and makes its bytes unique."""
    base = _gradient(size, COLOURS[zlib.crc32(mark.encode()) % len(COLOURS)])
    note = mark.encode()
    # Put a comment that is different for each image after the first marker (SOI).
    return base[:2] + COMMENT + (len(note) + 2).to_bytes(2, "big") + note + base[2:]


@lru_cache(maxsize=64)
def _gradient(size: tuple[int, int], colour: str) -> bytes:
    grey = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR)
    file = io.BytesIO()
    ImageOps.colorize(grey, "#101418", "#f4f1ea", mid=colour).save(file, "JPEG", quality=80)
    return file.getvalue()
