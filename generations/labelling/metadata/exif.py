"""A few values of EXIF, read without a library: what says where an image comes from.

Formats: EXIF 2.32, 4.5 and 4.6 (a TIFF 6.0 header, then directories of 12-byte entries). Pillow
copies the value of each entry, and entries may overlap, so a file of a megabyte could fill the
memory. Here at most three directories are read, 500 entries of each, and the start of each text.
"""

import struct
from dataclasses import dataclass

MAX_BYTES = 1_000_000
_MOST_ENTRIES = 500
_LONGEST_TEXT = 300
_SOFTWARE, _CHANGED, _ARTIST = 0x0131, 0x0132, 0x013B
_TAKEN = 0x9003
_DETAILS, _PLACE = 0x8769, 0x8825
_ASCII, _UTF8 = 2, 129

_Entries = dict[int, tuple[int, int, bytes]]


@dataclass(frozen=True)
class Exif:
    """What EXIF says: the program, the person, when it was made and changed (as it stands there).

    `has_place`: it has entries of a place (GPS). `problem` is a code if it can't be read.
    """

    software: str = ""
    artist: str = ""
    created: str = ""
    changed: str = ""
    has_place: bool = False
    problem: str = ""


def read_exif(body: bytes | memoryview) -> Exif:
    """The values in a block of EXIF, with or without the `Exif` that JPEG writes before it.

    Never raises: broken directories are read as far as they go.
    """
    if len(body) > MAX_BYTES:
        return Exif(problem="too_large")
    tiff = bytes(body).removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return Exif(problem="not_readable")
    main = _directory(tiff, order, *struct.unpack(f"{order}I", tiff[4:8]))
    details = _directory(tiff, order, _number(main, _DETAILS, order))
    place = _directory(tiff, order, _number(main, _PLACE, order))
    return Exif(
        software=_text(tiff, order, main, _SOFTWARE),
        artist=_text(tiff, order, main, _ARTIST),
        created=_text(tiff, order, details, _TAKEN),
        changed=_text(tiff, order, main, _CHANGED),
        has_place=bool(place),
    )


def _directory(tiff: bytes, order: str, at: int) -> _Entries:
    """Type, count and value or offset of each entry, by tag; empty if there is none at `at`."""
    if not 8 <= at <= len(tiff) - 2:
        return {}
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    room = (len(tiff) - at - 2) // 12
    places = range(at + 2, at + 2 + 12 * min(count, room, _MOST_ENTRIES), 12)
    entries = (struct.unpack_from(f"{order}HHI4s", tiff, place) for place in places)
    return {tag: (kind, length, value) for tag, kind, length, value in entries}


def _number(entries: _Entries, tag: int, order: str) -> int:
    _kind, _length, value = entries.get(tag, (0, 0, b"\0\0\0\0"))
    return int(struct.unpack(f"{order}I", value)[0])


def _text(tiff: bytes, order: str, entries: _Entries, tag: int) -> str:
    kind, length, value = entries.get(tag, (0, 0, b""))
    if kind not in (_ASCII, _UTF8):
        return ""
    if length > 4:
        at = _number(entries, tag, order)
        value = tiff[at : at + min(length, _LONGEST_TEXT)]
    return value[:length].split(b"\0")[0].decode("utf-8", "replace").strip()
