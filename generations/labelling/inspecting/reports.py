"""What a file says about its origin as JSON: in full for people, in codes to be kept."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from generations.labelling.inspecting.layers import Layers
from generations.labelling.metadata.found_aigc import LABELS, AigcMark

# The marks by which a provider says that a model made an image.
MARKS = ("c2pa", "aigc")
# Fields of PNG by which programs say how an image was made, most of them with its prompt.
_KNOWN_FIELDS = frozenset(
    (
        "AIGC",
        "Author",
        "Comment",
        "Description",
        "Dream",
        "Software",
        "Title",
        "generation_data",
        "invokeai_metadata",
        "parameters",
        "prompt",
        "sd-metadata",
        "workflow",
    )
)
# Kept beside the codes if the signed manifests were left behind: a prompt may stand in them.
BEHIND = "c2pa_left_behind"
# A name of a company or a program. What is longer may be anything.
_NAME = re.compile(r"[\w .,:;/()&+'’-]{1,64}")
_TERM = re.compile(r"http://cv\.iptc\.org/newscodes/digitalsourcetype/([A-Za-z]{1,40})")


def as_json(layers: Layers) -> dict[str, Any]:
    """Everything that was found, as values that JSON knows; see `docs/labels.md`."""
    return {name: _plain(value) for name, value in _fields(layers)}


def in_codes(layers: Layers, *, secret: str = "") -> dict[str, str]:
    """What is kept of an original's marks, under at most ten names: short codes, no free text.

    It stands on the record, which can't be erased: so no text that a person may have written is in
    it. Names of issuers and programs are left out if they are long or occur in `secret`, the
    prompt.
    """
    found = {
        "c2pa": layers.credentials.state if layers.credentials else "",
        "issuer": _name(layers.credentials.issuer, secret) if layers.credentials else "",
        "generator": _name(layers.credentials.generator, secret) if layers.credentials else "",
        "xmp": (layers.xmp.problem or "readable") if layers.xmp else "",
        "source_type": _term(layers),
        "aigc": ",".join(_listed(_label(mark) for mark in layers.aigc)),
        "aigc_problems": ",".join(_listed(code for m in layers.aigc for code in m.problems)),
        "exif": (layers.exif.problem or "readable") if layers.exif else "",
        "png_text": ",".join(_listed(_field(text.name) for text in layers.texts)),
        "file": ",".join(layers.problems),
    }
    return {"looked": "1"} | {name: value for name, value in found.items() if value}


def carried(kept: Mapping[str, str]) -> frozenset[str]:
    """Which of the marks of `MARKS` an original carried, by what `in_codes` kept of it.

    Credentials that can't be read count: a provider that signs wrongly still signs.
    """
    return frozenset(kind for kind in MARKS if kept.get(kind))


def _fields(value: Any) -> Iterable[tuple[str, Any]]:
    return ((each.name, getattr(value, each.name)) for each in dataclasses.fields(value))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {name: _plain(each) for name, each in _fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return dict(value) if isinstance(value, dict) else value


def _name(text: str, secret: str) -> str:
    told = secret and (text.casefold() in secret.casefold() or secret.casefold() in text.casefold())
    return text if _NAME.fullmatch(text) and not told else ""


def _term(layers: Layers) -> str:
    """The digital source type, of XMP or else of the credentials; `other` if it is no such term."""
    stated = [*(layers.xmp.source_types if layers.xmp else ())]
    if layers.credentials:
        stated.append(layers.credentials.source_type)
    if not any(stated):
        return ""
    known = _TERM.fullmatch(next(filter(None, stated)))
    return known[1] if known else "other"


def _field(name: str) -> str:
    return name if name in _KNOWN_FIELDS else "other"


def _label(mark: AigcMark) -> str:
    label = mark.fields.get("Label", "")
    return label if label in (*LABELS, "0") else "?"


def _listed(codes: Iterable[str]) -> list[str]:
    return sorted(set(codes))
