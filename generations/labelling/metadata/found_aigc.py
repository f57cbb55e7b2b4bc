"""AIGC marks that a file carries, and what is wrong with each by GB 45438-2025, annex E."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from generations.imaging.containers import Chunk
from generations.labelling.metadata.aigc import FIELDS, PLAIN_CARRIERS, PLAIN_MARK, read
from generations.labelling.types import AIGC_VALUE

# "1" is AI-generated, "2" may be, "3" is suspected of it.
LABELS = ("1", "2", "3")
_LONGEST_VALUE = 300
_MOST = 5


@dataclass(frozen=True)
class AigcMark:
    """One mark: where it stands (xmp, exif, png_text), its seven fields, and what is wrong with it.

    `problems` are codes: not_readable; lacking (a field is missing), not_text (it is no text),
    alphabet (it has characters that the standard excludes), label (its value is none of the
    standard's), producer (nobody is named), propagator (nobody is named as having passed it on).
    """

    carrier: str
    fields: Mapping[str, str]
    problems: tuple[str, ...] = ()


def in_xmp(text: str) -> AigcMark:
    """The mark with this text in an XMP packet."""
    return _mark(text, "xmp")


def in_plain_text(parts: Iterable[Chunk]) -> Iterator[AigcMark]:
    """The marks outside XMP, at most five in each part."""
    for part in parts:
        if carrier := PLAIN_CARRIERS.get(part.kind):
            for found in islice(PLAIN_MARK.finditer(part.body), _MOST):
                yield _mark(found[1].decode("utf-8", "replace"), carrier)


def _mark(text: str, carrier: str) -> AigcMark:
    found = read(text)
    if found is None:
        return AigcMark(carrier, {}, ("not_readable",))
    fields = {name: str(found.get(name, ""))[:_LONGEST_VALUE] for name in FIELDS}
    return AigcMark(carrier, fields, tuple(_problems(found, fields)))


def _problems(given: dict[str, Any], fields: Mapping[str, str]) -> Iterator[str]:
    if not given.keys() >= set(FIELDS):
        yield "lacking"
    if any(not isinstance(given.get(name, ""), str) for name in FIELDS):
        yield "not_text"
    if any(value and not AIGC_VALUE.fullmatch(value) for value in fields.values()):
        yield "alphabet"
    if fields["Label"] not in LABELS:
        yield "label"
    if not (fields["ContentProducer"] and fields["ProduceID"]):
        yield "producer"
    if not (fields["ContentPropagator"] and fields["PropagateID"]):
        yield "propagator"
