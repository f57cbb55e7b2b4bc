"""Everything that a JPEG, PNG or WebP file says about its origin, read within bounds.

The bytes may come from anybody, so nothing raises: a layer that can't be read says why, in a code.
Each loop has an end, and no text is kept longer than people need. Whether what was found is enough
is decided by `generations.labelling.inspecting.verdict`.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol, TypeVar
from xml.etree.ElementTree import Element

from PIL import Image

from generations.imaging import ImageTooLarge, UnusableImage, containers, decode, one_at_a_time
from generations.imaging.containers import APP1, Chunk
from generations.labelling.manifests.credentials import UNREADABLE, Credentials, read_credentials
from generations.labelling.metadata import xmp
from generations.labelling.metadata.exif import Exif, read_exif
from generations.labelling.metadata.found_aigc import AigcMark, in_plain_text, in_xmp
from generations.labelling.metadata.splice import PacketTooLargeError, is_xmp, packet_in

logger = logging.getLogger(__name__)

T = TypeVar("T")
Otherwise = TypeVar("Otherwise")

_EXIF = {APP1: b"Exif\0\0", b"eXIf": b"", b"EXIF": b""}
_TEXT = (b"tEXt", b"zTXt", b"iTXt")

# A file has one packet. More are an error or an attack; the first three show what they are.
_MOST_PACKETS = 3
_MOST_MARKS = 5
_MOST_TEXT_FIELDS = 50
# How long to wait for another image that is being decoded in this process.
MARK_SECONDS = 10.0
LONGEST_TEXT = 300


class ReadNumber(Protocol):
    """What a mark says: its number, the number of the key, and the share of its bits that were
    right, from 0.5 to 1."""

    @property
    def number(self) -> int: ...
    @property
    def key_number(self) -> int: ...
    @property
    def confidence(self) -> float: ...


ReadMark = Callable[[Image.Image], ReadNumber | None]


@dataclass(frozen=True)
class Xmp:
    """What the XMP packets say. A property that is missing is empty.

    `packets` is their number; a file should have one. `source_types` are all digital source types,
    as URIs. `has_prompt`: it has the property for prompts. `problem` is a code if one of them can't
    be read.
    """

    packets: int
    source_types: tuple[str, ...] = ()
    system: str = ""
    system_version: str = ""
    image_id: str = ""
    identifier: str = ""
    credit: str = ""
    tool: str = ""
    created: str = ""
    changed: str = ""
    has_prompt: bool = False
    problem: str = ""


@dataclass(frozen=True)
class TextField:
    """A text field of a PNG: its name and how many bytes the file gives it, never its text."""

    name: str
    bytes: int


@dataclass(frozen=True)
class FoundMark:
    """Whether the pixels carry the imperceptible mark.

    `state` is found, absent, not_looked (no pixels were read), or damaged, too_large or busy if
    they could not be. `number` is what it says, under the key `key_number`; `confidence` is the
    share of its bits that were right, from 0.5 to 1.
    """

    state: str = "not_looked"
    number: int | None = None
    key_number: int | None = None
    confidence: float = 0.0


@dataclass(frozen=True)
class Layers:
    """What a file says. `format` is empty if it is no JPEG, PNG or WebP.

    `width` and `height` are as the header states them, or 0. `problems` are codes: not_an_image,
    truncated, animated. `trailing` is the number of bytes after the image. A layer that the file
    does not have is None or empty.
    """

    sha256: str
    bytes: int
    format: str = ""
    width: int = 0
    height: int = 0
    problems: tuple[str, ...] = ()
    trailing: int = 0
    credentials: Credentials | None = None
    xmp: Xmp | None = None
    aigc: tuple[AigcMark, ...] = ()
    exif: Exif | None = None
    texts: tuple[TextField, ...] = ()
    mark: FoundMark = FoundMark()


def read_layers(data: bytes, *, roots: str = "", mark: ReadMark | None = None) -> Layers:
    """Everything that a file says about its origin. Never raises.

    `roots` are the certificates (PEM) that are trusted to issue those of signatures. With `mark`,
    the pixels are decoded and given to it, to read the imperceptible mark.
    """
    layers = Layers(hashlib.sha256(data).hexdigest(), len(data))
    image_format = containers.sniff(data)
    if image_format is None:
        return replace(layers, problems=("not_an_image",))
    parts = list(containers.chunks(data))
    packets = _packets(parts)
    width, height = _guarded(lambda: containers.dimensions(data), None) or (0, 0)
    return replace(
        layers,
        format=image_format,
        width=width,
        height=height,
        problems=tuple(_problems(data)),
        trailing=_trailing(data, image_format, parts),
        credentials=_guarded(
            lambda: read_credentials(data, roots=roots), Credentials(UNREADABLE, ("failed",))
        ),
        xmp=_guarded(lambda: _xmp(packets, parts), Xmp(len(packets), problem="failed")),
        aigc=_guarded(lambda: _marks(packets, parts), ()),
        exif=_guarded(lambda: _exif(parts), Exif(problem="failed")),
        texts=_guarded(lambda: _texts(parts), ()),
        mark=find_mark(data, mark) if mark else FoundMark(),
    )


def find_mark(data: bytes, read: ReadMark) -> FoundMark:
    """Read the imperceptible mark in a file's pixels. Waits for at most ten seconds."""
    if not one_at_a_time.acquire(timeout=MARK_SECONDS):
        return FoundMark("busy")
    try:
        found = read(decode(data))
    except UnusableImage as error:
        return FoundMark("too_large" if isinstance(error, ImageTooLarge) else "damaged")
    except Exception as error:
        logger.warning("%s while a mark was looked for", type(error).__name__)
        return FoundMark("damaged")
    finally:
        one_at_a_time.release()
    if found is None:
        return FoundMark("absent")
    return FoundMark("found", found.number, found.key_number, round(found.confidence, 3))


def _guarded(read: Callable[[], T], otherwise: Otherwise) -> T | Otherwise:
    """What `read` gives. A reader that fails on bytes nobody foresaw costs its own layer only."""
    try:
        return read()
    except Exception as error:  # its text may quote the file
        logger.warning("%s while a file was read", type(error).__name__)
        return otherwise


def _problems(data: bytes) -> Iterator[str]:
    if not containers.completeness(data)[0]:
        yield "truncated"
    if containers.is_animated(data):
        yield "animated"


def _trailing(data: bytes, image_format: str, parts: Sequence[Chunk]) -> int:
    if image_format == "WEBP":
        size = int.from_bytes(data[4:8], "little")
        end = 8 + size + size % 2
    else:
        end = parts[-1].end if parts and parts[-1].kind in (b"IEND", containers.EOI) else len(data)
    return max(0, len(data) - end)


def _packets(parts: Iterable[Chunk]) -> list[Element | str]:
    """The trees of the XMP packets; for one that can't be read, the code of its problem."""
    return [_packet(part) for part in islice(filter(is_xmp, parts), _MOST_PACKETS)]


def _packet(part: Chunk) -> Element | str:
    try:
        return xmp.parse(packet_in(part))
    except PacketTooLargeError:
        return "too_large"
    except ValueError:
        return "not_readable"
    except Exception as error:
        logger.warning("%s while an XMP packet was read", type(error).__name__)
        return "not_readable"


def _trees(packets: Iterable[Element | str]) -> list[Element]:
    return [packet for packet in packets if not isinstance(packet, str)]


def _xmp(packets: Sequence[Element | str], parts: Sequence[Chunk]) -> Xmp | None:
    if not packets:
        return None
    found = _values(_trees(packets), [*_PROPERTIES, *_CREATED, _SOURCE_TYPE, _PROMPT])
    texts = {name: next(iter(found[tag]), "") for tag, name in _PROPERTIES.items()}
    return Xmp(
        packets=sum(map(is_xmp, parts)),
        source_types=tuple(found[_SOURCE_TYPE]),
        created=next((text for tag in _CREATED for text in found[tag]), ""),
        has_prompt=bool(found[_PROMPT]),
        problem=next((packet for packet in packets if isinstance(packet, str)), ""),
        **texts,
    )


_SOURCE_TYPE = xmp.tag("Iptc4xmpExt:DigitalSourceType")
_PROMPT = xmp.tag("Iptc4xmpExt:AIPromptInformation")
_AIGC = xmp.tag("TC260:AIGC")
_CREATED = (xmp.tag("photoshop:DateCreated"), xmp.tag("xmp:CreateDate"))
_PROPERTIES = {
    xmp.tag("Iptc4xmpExt:AISystemUsed"): "system",
    xmp.tag("Iptc4xmpExt:AISystemVersionUsed"): "system_version",
    xmp.tag("Iptc4xmpExt:DigImageGUID"): "image_id",
    xmp.tag("dc:identifier"): "identifier",
    xmp.tag("photoshop:Credit"): "credit",
    xmp.tag("xmp:CreatorTool"): "tool",
    xmp.tag("xmp:ModifyDate"): "changed",
}


def _values(
    trees: Iterable[Element], tags: Iterable[str], *, longest: int = LONGEST_TEXT
) -> dict[str, list[str]]:
    """The texts of simple properties, at most five of each, in one pass over the trees."""
    found: dict[str, list[str]] = {tag: [] for tag in tags}
    for tree in trees:
        for element in tree.iter():
            if element.tag in found:
                _add(found[element.tag], _text(element), longest)
            for name in found.keys() & element.attrib.keys():
                _add(found[name], element.attrib[name], longest)
    return found


def _add(texts: list[str], text: str, longest: int) -> None:
    if text.strip() and len(texts) < _MOST_MARKS:
        texts.append(text.strip()[:longest])


def _text(element: Element) -> str:
    """The text of a property, or of the first item of its list."""
    for _level in range(3):
        if len(element) == 0:
            break
        element = element[0]
    return element.text or element.get(xmp.tag("rdf:resource")) or ""


def _marks(packets: Iterable[Element | str], parts: Iterable[Chunk]) -> tuple[AigcMark, ...]:
    texts = _values(_trees(packets), [_AIGC], longest=10_000)[_AIGC]
    others = (part for part in parts if not is_xmp(part))
    found = [*map(in_xmp, texts), *in_plain_text(others)]
    return tuple(found[:_MOST_MARKS])


def _exif(parts: Iterable[Chunk]) -> Exif | None:
    carriers = (
        p for p in parts if p.kind in _EXIF and p.body[: len(_EXIF[p.kind])] == _EXIF[p.kind]
    )
    found = next(carriers, None)
    return None if found is None else read_exif(found.body)


def _texts(parts: Iterable[Chunk]) -> tuple[TextField, ...]:
    carriers = (part for part in parts if part.kind in _TEXT and not is_xmp(part))
    return tuple(map(_text_field, islice(carriers, _MOST_TEXT_FIELDS)))


def _text_field(part: Chunk) -> TextField:
    # PNG Third Edition, 11.3.3.2: a name has 1 to 79 bytes of Latin-1 and ends with a zero.
    name = bytes(part.body[:80]).split(b"\0")[0].decode("latin-1")
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    return TextField(printable, len(part.body))
