"""What a signed manifest says of an image: C2PA 2.2, 18 (assertions), CAWG training and mining 1.1.

It holds no prompt, no name of a person and no name of a file.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from generations.imaging import mime_type
from generations.imaging.containers import sniff
from generations.labelling.manifests.contexts import MINING_ASSERTION, OWN_ASSERTION
from generations.labelling.types import LabelFacts, ReferenceFacts

PARENT = "original"
# Stands for a parent that the caller adds with its own manifests.
OPENED: Mapping[str, str] = MappingProxyType({})
# C2PA 2.2, 18.14.2. Not `bound`: that needs a soft binding by which anybody finds the manifest, and
# nobody but the studio reads this mark.
_MARKED = {"action": "c2pa.watermarked.unbound"}
# All entries of CAWG's assertion, so that no reader has to guess what one without them means.
MINING_ENTRIES = (
    "cawg.data_mining",
    "cawg.ai_inference",
    "cawg.ai_training",
    "cawg.ai_generative_training",
)


def manifest(
    facts: LabelFacts, *, is_marked: bool = False, parent: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The definition of a manifest, as c2pa's Builder takes it.

    With a `parent`, the picture was opened from that ingredient and edited: `named_parent`, or
    OPENED, which the caller adds. Without one, it was created. `is_marked`: its pixels have an
    imperceptible mark.
    """
    actions = [_made(facts, "c2pa.created")] if parent is None else _opened(facts)
    if is_marked:
        actions.append(_MARKED)
    named = [dict(parent)] if parent else []
    return {
        "claim_generator_info": [_program(facts.tool, facts.tool_version)],
        "title": facts.image_id,
        "assertions": [
            _created("c2pa.actions.v2", {"actions": actions}),
            _created(OWN_ASSERTION, _own(facts)),
            *_mining(facts),
        ],
        "ingredients": [*named, *(_reference(number, each) for number, each in _numbered(facts))],
    }


def named_parent(original: bytes) -> dict[str, str]:
    """The ingredient that a provider's file is, by its hash alone: its own manifests stay here."""
    return {
        **parent(),
        "format": mime_type(sniff(original) or "JPEG"),
        "instance_id": f"nih:sha-256;{hashlib.sha256(original).hexdigest()}",
    }


def parent() -> dict[str, str]:
    """The ingredient that a provider's signed file is."""
    return {"title": "original", "relationship": "parentOf", "label": PARENT}


def _opened(facts: LabelFacts) -> list[dict[str, Any]]:
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT]}}
    return [opened, _made(facts, "c2pa.edited")]


def _made(facts: LabelFacts, action: str) -> dict[str, Any]:
    """The action that names model, time, kind of source and references."""
    references = [_name(number) for number, _ in _numbered(facts)]
    linked = {"parameters": {"ingredientIds": references}} if references else {}
    return {
        "action": action,
        "when": facts.made_at.isoformat(timespec="seconds"),
        "softwareAgent": _program(facts.system, facts.system_version),
        "digitalSourceType": facts.source.uri,
        **linked,
    }


def _own(facts: LabelFacts) -> dict[str, Any]:
    """Our own assertion: the image's id, by which the studio finds it again, and who offers it."""
    producer = {"name": facts.producer_name} if facts.producer_name else {}
    references = [
        {"sha256": each.sha256, **({"image": each.image_id} if each.image_id else {})}
        for each in facts.references
    ]
    return {
        "image": facts.image_id,
        "producer": {"code": facts.producer, **producer},
        **({"references": references} if references else {}),
    }


def _mining(facts: LabelFacts) -> list[dict[str, Any]]:
    if not facts.mining:
        return []
    entries = {name: {"use": facts.mining} for name in MINING_ENTRIES}
    return [_created(MINING_ASSERTION, {"entries": entries})]


def _reference(number: int, reference: ReferenceFacts) -> dict[str, Any]:
    """An ingredient whose id is its hash (RFC 6920, 7): C2PA hashes files only if they are in."""
    return {
        "title": _name(number),
        "format": mime_type(reference.format),
        "instance_id": f"nih:sha-256;{reference.sha256}",
        "relationship": "inputTo",
        "label": _name(number),
    }


def _numbered(facts: LabelFacts) -> list[tuple[int, ReferenceFacts]]:
    return list(enumerate(facts.references, start=1))


def _name(number: int) -> str:
    return f"reference-{number}"


def _created(label: str, data: dict[str, Any]) -> dict[str, Any]:
    """An assertion of ours. Without the flag, c2pa counts it as gathered from others."""
    return {"label": label, "created": True, "data": data}


def _program(name: str, version: str) -> dict[str, str]:
    return {"name": name, **({"version": version} if version else {})}
