"""The implicit label of GB 45438-2025, annex E: seven text fields in one JSON object.

Whoever makes an image writes the first four fields and repeats its own values in the next two.
Whoever passes the image on rewrites only `ContentPropagator` and `PropagateID`. A file contains
exactly one such object.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from generations.imaging.containers import APP1, chunks
from generations.labelling.types import AIGC_VALUE, LONGEST_PRODUCER, LabelFacts

# Annex E: "2" means possibly AI-generated, "3" suspected of it. "0" is written by some tools, but
# the standard does not know it.
IS_AI_GENERATED, MAY_BE_AI_GENERATED = "1", "2"

FIELDS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
_LONGEST_VALUE = 1000
_LONGEST_ID = 128
# A signature or a hash, in hex or in base64. Base64 has 26 capitals and 10 digits among its 64
# characters, far more than any text that somebody wrote: see `_is_code`.
_HEX = re.compile(r"[0-9A-Fa-f]{32,1000}")
_CLASSES = (str.isupper, str.islower, str.isdigit)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,1000}={0,2}")

# Annex B puts the object into EXIF's UserComment or a PNG text field instead of XMP: the word AIGC
# as the key of an outer object or as the name of the field, then the object.
PLAIN_CARRIERS = {
    APP1: "exif",
    b"eXIf": "exif",
    b"EXIF": "exif",
    b"tEXt": "png_text",
    b"iTXt": "png_text",
}
PLAIN_MARK = re.compile(rb'AIGC[\0\s":]{1,16}(\{[^{}]{1,8192}\})')


def mark(facts: LabelFacts, *, upstream: Mapping[str, str] | None) -> str:
    """The JSON for one of our files; `upstream` is what `passed_on` returned."""
    fields = dict.fromkeys(FIELDS, "")
    fields |= upstream or {
        "Label": IS_AI_GENERATED,
        "ContentProducer": facts.producer,
        "ProduceID": facts.image_id,
    }
    fields |= {"ContentPropagator": facts.producer, "PropagateID": facts.image_id}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def passed_on(texts: Iterable[str]) -> dict[str, str] | None:
    """The fields of the first mark among `texts` whose producer remains the producer in our files.

    A producer or number outside the alphabet of annex E is not repeated: it breaks the standard,
    and it may be a sentence. Reserved fields are kept only if they look like a signature or a hash.
    A label other than "1" and "2" becomes "1", because we know that the image is AI-generated.
    """
    return next(filter(None, map(_cleaned, filter(None, map(parse, texts)))), None)


def follows_the_standard(fields: Mapping[str, str]) -> bool:
    """Whether the label is one of ours and every value is written in the alphabet of annex E."""
    values = [value for value in fields.values() if value]
    labels = (IS_AI_GENERATED, MAY_BE_AI_GENERATED)
    return fields["Label"] in labels and all(AIGC_VALUE.fullmatch(value) for value in values)


def _cleaned(fields: dict[str, str]) -> dict[str, str] | None:
    producer, number = fields["ContentProducer"], fields["ProduceID"]
    bounded = len(producer) <= LONGEST_PRODUCER and len(number) <= _LONGEST_ID
    if not (bounded and AIGC_VALUE.fullmatch(producer) and AIGC_VALUE.fullmatch(number)):
        return None
    codes = {name: fields[name] for name in ("ReservedCode1", "ReservedCode2")}
    return {
        "Label": MAY_BE_AI_GENERATED if fields["Label"] == MAY_BE_AI_GENERATED else IS_AI_GENERATED,
        "ContentProducer": producer,
        "ProduceID": number,
        **{name: code if _is_code(code) else "" for name, code in codes.items()},
    }


def _is_code(text: str) -> bool:
    if _HEX.fullmatch(text):
        return True
    capitals, small, digits = (sum(map(test, text)) for test in _CLASSES)
    mixed = 4 * min(capitals, small) >= capitals + small and 20 * digits >= len(text)
    return mixed and bool(_BASE64.fullmatch(text))


def read(text: str) -> dict[str, Any] | None:
    """The object of a mark as it was written, out of its outer object; None if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict):
        found = found.get("AIGC", found)
    return found if isinstance(found, dict) else None


def parse(text: str) -> dict[str, str] | None:
    """The seven fields, or None if the text is not a mark that names a producer.

    Other keys are dropped: they could contain anything, a prompt included.
    """
    found = read(text)
    if found is None:
        return None
    fields = {name: found.get(name, "") for name in FIELDS}
    if not all(isinstance(v, str | int) and len(str(v)) <= _LONGEST_VALUE for v in fields.values()):
        return None
    fields = {name: str(value) for name, value in fields.items()}
    return fields if fields["ContentProducer"] and fields["ProduceID"] else None


def find_outside_xmp(data: bytes) -> str | None:
    """The JSON of a mark that a file carries in EXIF or in a PNG text field, as annex B allows."""
    carriers = (chunk for chunk in chunks(data) if chunk.kind in PLAIN_CARRIERS)
    found = next(filter(None, (PLAIN_MARK.search(chunk.body) for chunk in carriers)), None)
    return found[1].decode("utf-8", "replace") if found else None
