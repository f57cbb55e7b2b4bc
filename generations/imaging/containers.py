"""The parts of a JPEG, PNG or WebP file, found without decoding a pixel.

Formats: JPEG (ITU-T T.81 annex B), PNG (W3C PNG Third Edition, 5), WebP (RFC 9649, 2). Reading
stops at the first part that is not valid, so it is safe on hostile bytes. Whether the image itself
is intact is checked by `generations.imaging.decoding`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8"

APP0, APP1, SOS, EOI = b"\xe0", b"\xe1", b"\xda", b"\xd9"

# All start-of-frame markers: without DHT, JPG and DAC, whose numbers lie between them.
_FRAME_MARKERS = {bytes([n]) for n in range(0xC0, 0xD0)} - {b"\xc4", b"\xc8", b"\xcc"}
# Up to the code of the next marker that has a length: skips fill bytes and the markers TEM, RSTn
# and SOI, which have none. Possessive, so that millions of them cost one pass.
_NEXT_MARKER = re.compile(rb"(?:\xff++[\x01\xd0-\xd8])*+\xff++(?=[^\xff\x01\xd0-\xd8])")
# Within a scan FF is followed by 00 or a restart number; anything else ends the scan.
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

# ISO/IEC 23008-12, 10.2: the brands of files that phones write as .heic and .heif.
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# A PNG of 64 MB in pieces of 4 KB has 16,000 parts. Millions of empty ones are an attack.
MAX_PARTS = 100_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """One part of a file: `data[start:end]`, of which `body` is the payload."""

    kind: bytes
    start: int
    end: int
    body: memoryview


def sniff(data: bytes) -> str | None:
    """The format (`JPEG`, `PNG` or `WEBP`) that the first bytes indicate, or None."""
    if data.startswith(JPEG_START + b"\xff"):
        return "JPEG"
    if data.startswith(PNG_SIGNATURE):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def foreign(data: bytes) -> str | None:
    """`HEIC` or `SVG` if the first bytes indicate a format that people bring and nobody can use."""
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "HEIC"
    return "SVG" if b"<svg" in data[:1000].lower() else None


def chunks(data: bytes) -> Iterator[Chunk]:
    """The parts of a file in order, at most 100,000.

    A scan of a JPEG includes its header and its data.
    """
    walk = {"JPEG": _jpeg_segments, "PNG": _png_chunks, "WEBP": _webp_chunks}
    name = sniff(data)
    return islice(walk[name](memoryview(data)), MAX_PARTS) if name else iter(())


def dimensions(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the header states them, or None if it states none."""
    first = next(chunks(data), None)
    if first is None:
        return None
    if first.kind == b"IHDR" and len(first.body) >= 8:
        return _integer(first.body[:4], "big"), _integer(first.body[4:8], "big")
    if first.kind in (b"VP8X", b"VP8L", b"VP8 "):
        return webp_canvas(first)[:2]
    frame = next((c for c in chunks(data) if c.kind in _FRAME_MARKERS and len(c.body) >= 5), None)
    return (_integer(frame.body[3:5], "big"), _integer(frame.body[1:3], "big")) if frame else None


def completeness(data: bytes) -> tuple[bool, int]:
    """Whether the file contains its end marker, and how many passes a decoder makes over the pixels
    of a JPEG; 0 for other formats. Bytes after the end are ignored.
    """
    if sniff(data) == "WEBP":
        return len(data) >= 8 + _integer(data[4:8], "little"), 0
    kinds = [chunk.kind for chunk in chunks(data)]
    return b"IEND" in kinds or EOI in kinds, kinds.count(SOS)


def is_animated(data: bytes) -> bool:
    """Whether the file declares more than one frame: `acTL` in PNG, `ANMF` in WebP."""
    match sniff(data):
        case "PNG":
            found = next((c for c in chunks(data) if c.kind in (b"acTL", b"IDAT")), None)
            return bool(found and found.kind == b"acTL" and _integer(found.body[:4], "big") > 1)
        case "WEBP":
            return sum(chunk.kind == b"ANMF" for chunk in chunks(data)) > 1
    return False


def webp_canvas(first: Chunk) -> tuple[int, int, bool]:
    """Width, height and whether there is transparency, from the first chunk of a WebP file."""
    body = bytes(first.body[:10]).ljust(10, b"\0")
    if first.kind == b"VP8X":
        sides = _integer(body[4:7], "little") + 1, _integer(body[7:10], "little") + 1
        return *sides, bool(body[0] & 0x10)
    if first.kind == b"VP8L":
        bits = _integer(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = _integer(body[6:8], "little"), _integer(body[8:10], "little")
    return width & 0x3FFF, height & 0x3FFF, False


def _jpeg_segments(data: memoryview) -> Iterator[Chunk]:
    at = len(JPEG_START)
    while found := _NEXT_MARKER.match(data, at):
        at = found.end() - 1
        kind = bytes([data[at + 1]])
        if kind == EOI:
            yield Chunk(kind, at, at + 2, data[at + 2 : at + 2])
            return
        body_end = at + 2 + _integer(data[at + 2 : at + 4], "big")
        if body_end < at + 4 or body_end > len(data):
            return
        end = _scan_end(data, body_end) if kind == SOS else body_end
        yield Chunk(kind, at, end, data[at + 4 : body_end])
        at = end


def _scan_end(data: memoryview, start: int) -> int:
    found = _SCAN_END.search(data, start)
    return found.start() if found else len(data)


def _png_chunks(data: memoryview) -> Iterator[Chunk]:
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + _integer(data[at : at + 4], "big")
        if end > len(data):
            return
        kind = bytes(data[at + 4 : at + 8])
        yield Chunk(kind, at, end, data[at + 8 : end - 4])
        if kind == b"IEND":
            return
        at = end


def _webp_chunks(data: memoryview) -> Iterator[Chunk]:
    at, stop = 12, min(len(data), 8 + _integer(data[4:8], "little"))
    while at + 8 <= stop:
        size = _integer(data[at + 4 : at + 8], "little")
        if at + 8 + size > stop:
            return
        end = min(at + 8 + size + size % 2, stop)
        yield Chunk(bytes(data[at : at + 4]), at, end, data[at + 8 : at + 8 + size])
        at = end


def _integer(piece: bytes | memoryview, order: Literal["big", "little"]) -> int:
    return int.from_bytes(piece, order)
