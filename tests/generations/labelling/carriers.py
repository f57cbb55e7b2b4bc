"""Files with something in them, and how much memory it takes to read them."""

import tracemalloc
from typing import NamedTuple

from PIL import Image

from generations.labelling.inspecting.layers import read_layers
from generations.labelling.metadata.splice import insert_xmp
from tests.generations.imaging.images import make_file, png_chunk
from tests.generations.labelling.packets import make_mark, make_packet


class Read(NamedTuple):
    """What a reader of the mark gives."""

    number: int
    key_number: int = 1
    confidence: float = 1.0


def with_chunks(*parts: tuple[bytes, bytes]) -> bytes:
    """A PNG with these parts after its header."""
    data = make_file("PNG")
    return data[:33] + b"".join(png_chunk(*part) for part in parts) + data[33:]


def with_packet(properties: str = "", **given: str) -> bytes:
    return insert_xmp(make_file("PNG"), make_packet(properties, **given))


def with_mark(**changes) -> bytes:
    return with_packet(f"<TC260:AIGC>{make_mark(**changes)}</TC260:AIGC>")


def peak_of(data: bytes) -> int:
    """How many bytes reading needs at most, beside the file."""
    tracemalloc.start()
    try:
        read_layers(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def exif_with_place() -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 0.0)
    return exif.tobytes()
