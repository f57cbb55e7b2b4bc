"""The implicit label of GB 45438-2025, annex E: seven text fields in one JSON object.

Whoever makes an image writes the first four fields and repeats its own values in the next two.
Whoever passes the image on rewrites only `ContentPropagator` and `PropagateID`. A file contains
exactly one such object.
"""

import json
import re
from collections.abc import Mapping

from generations.imaging.containers import APP1, chunks
from generations.labelling.types import LabelFacts

IS_AI_GENERATED = "1"  # "2" means possibly AI-generated, "3" suspected of it.

_FIELDS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
_LONGEST_VALUE = 1000

# Annex B puts the object into EXIF's UserComment or a PNG text field instead of XMP: the word AIGC
# as the key of an outer object or as the name of the field, then the object.
_PLAIN_CARRIERS = {APP1, b"tEXt", b"iTXt", b"eXIf", b"EXIF"}
_PLAIN_MARK = re.compile(rb'AIGC[\0\s":]{1,16}(\{[^{}]{1,8192}\})')


def mark(facts: LabelFacts, *, upstream: Mapping[str, str] | None) -> str:
    """The JSON for one of our files; a producer named upstream remains the producer."""
    fields = dict.fromkeys(_FIELDS, "")
    fields |= upstream or {
        "Label": IS_AI_GENERATED,
        "ContentProducer": facts.producer,
        "ProduceID": facts.image_id,
    }
    fields |= {"ContentPropagator": facts.producer, "PropagateID": facts.image_id}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def parse(text: str) -> dict[str, str] | None:
    """The seven fields, or None if the text is not a mark that names a producer.

    Other keys are dropped: they could contain anything, a prompt included.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict):
        found = found.get("AIGC", found)
    if not isinstance(found, dict):
        return None
    fields = {name: found.get(name, "") for name in _FIELDS}
    if not all(isinstance(v, str | int) and len(str(v)) <= _LONGEST_VALUE for v in fields.values()):
        return None
    fields = {name: str(value) for name, value in fields.items()}
    return fields if fields["ContentProducer"] and fields["ProduceID"] else None


def find_outside_xmp(data: bytes) -> str | None:
    """The JSON of a mark that a file carries in EXIF or in a PNG text field, as annex B allows."""
    carriers = (chunk for chunk in chunks(data) if chunk.kind in _PLAIN_CARRIERS)
    found = next(filter(None, (_PLAIN_MARK.search(chunk.body) for chunk in carriers)), None)
    return found[1].decode("utf-8", "replace") if found else None
