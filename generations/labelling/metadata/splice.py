"""Puts an XMP packet into a finished file and reads it back; the pixels do not change by a byte.

Where the packet goes: XMP Specification Part 3 (2020), 3.2 for JPEG, PNG Third Edition 11.3.3.4
with XMP Part 3 for PNG, RFC 9649, 2.7 for WebP.
"""

import struct
import zlib

from generations.imaging.containers import APP0, APP1, JPEG_START, Chunk, chunks, sniff, webp_canvas

MAX_PACKET_BYTES = 1_000_000
MAX_JPEG_PACKET_BYTES = 65_502  # the most that one APP1 segment can contain

_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_XMP = b"XML:com.adobe.xmp\0"
_WEBP_XMP = b"XMP "
_WEBP_HAS_XMP, _WEBP_HAS_ALPHA = 0x04, 0x10


class PacketTooLargeError(ValueError):
    """A packet above 1 MB, which is not read."""


def read_xmp(data: bytes) -> bytes | None:
    """The file's XMP packet, or None if it has none. Raises as `packet_in`."""
    chunk = next((chunk for chunk in chunks(data) if is_xmp(chunk)), None)
    return None if chunk is None else packet_in(chunk)


def packet_in(chunk: Chunk) -> bytes:
    """The packet in a part of a file that `is_xmp`.

    Raises PacketTooLargeError above 1 MB, and ValueError if it does not decompress.
    """
    packet = _png_text(bytes(chunk.body)) if chunk.kind == b"iTXt" else _plain(chunk)
    if len(packet) > MAX_PACKET_BYTES:
        raise PacketTooLargeError("XMP packet above 1 MB")
    return packet


def insert_xmp(data: bytes, packet: bytes) -> bytes:
    """The file with `packet` as its only XMP packet.

    Raises ValueError for a packet that is too large and for a file of another format.
    """
    inserts = {"JPEG": _insert_into_jpeg, "PNG": _insert_into_png, "WEBP": _insert_into_webp}
    name = sniff(data)
    if name is None:
        raise ValueError("XMP goes into JPEG, PNG and WebP files only")
    if len(packet) > (MAX_JPEG_PACKET_BYTES if name == "JPEG" else MAX_PACKET_BYTES):
        raise ValueError(f"an XMP packet of {len(packet)} bytes does not fit into a {name} file")
    return inserts[name](data, packet)


def is_xmp(chunk: Chunk) -> bool:
    """Whether a part of a file holds an XMP packet."""
    return (
        chunk.kind == _WEBP_XMP
        or (chunk.kind == APP1 and chunk.body[: len(_JPEG_XMP)] == _JPEG_XMP)
        or (chunk.kind == b"iTXt" and chunk.body[: len(_PNG_XMP)] == _PNG_XMP)
    )


def _plain(chunk: Chunk) -> bytes:
    return bytes(chunk.body[len(_JPEG_XMP) :] if chunk.kind == APP1 else chunk.body)


def _png_text(body: bytes) -> bytes:
    """The text of an iTXt chunk: keyword, flag, method, language, translated keyword, text."""
    _, _, rest = body.partition(b"\0")
    *_, text = rest[2:].split(b"\0", 2)
    if rest[:1] != b"\1":
        return text
    try:
        return zlib.decompressobj().decompress(text, MAX_PACKET_BYTES + 1)
    except zlib.error as error:
        raise ValueError("XMP packet that does not decompress") from error


def _insert_into_jpeg(data: bytes, packet: bytes) -> bytes:
    payload = _JPEG_XMP + packet
    segment = b"\xff" + APP1 + struct.pack(">H", len(payload) + 2) + payload
    parts = [chunk for chunk in chunks(data) if not is_xmp(chunk)]
    # Readers expect the JFIF header, if there is one, to come first.
    place = 1 if parts and parts[0].kind == APP0 else 0
    pieces = [_bytes(data, part) for part in parts]
    return b"".join([JPEG_START, *pieces[:place], segment, *pieces[place:]])


def _insert_into_png(data: bytes, packet: bytes) -> bytes:
    body = b"iTXt" + _PNG_XMP + b"\0\0\0\0" + packet
    text = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    header, *rest = (chunk for chunk in chunks(data) if not is_xmp(chunk))
    # Directly after the header: before the pixels, so that readers need not read through them.
    return b"".join([data[: header.end], text, *(_bytes(data, part) for part in rest)])


def _insert_into_webp(data: bytes, packet: bytes) -> bytes:
    parts = [chunk for chunk in chunks(data) if not is_xmp(chunk)]
    width, height, alpha = webp_canvas(parts[0])
    if parts[0].kind == b"VP8X":
        flags = parts.pop(0).body[0] | _WEBP_HAS_XMP
    else:
        flags = _WEBP_HAS_XMP | (_WEBP_HAS_ALPHA if alpha else 0)
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    extended = _riff(b"VP8X", struct.pack("<I", flags) + sides)
    pieces = [_riff(part.kind, bytes(part.body)) for part in parts]
    return _riff(b"RIFF", b"".join([b"WEBP", extended, *pieces, _riff(_WEBP_XMP, packet)]))


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _bytes(data: bytes, chunk: Chunk) -> bytes:
    return data[chunk.start : chunk.end]
