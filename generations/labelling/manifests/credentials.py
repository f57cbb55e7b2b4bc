"""Reads content credentials: the signed C2PA manifests of a file. Safe on files of strangers.

Facts of the format: C2PA 2.2, 8 (claims), 15 (validation), 18 (assertions), and CAWG training and
data mining 1.1. All texts come from whoever signed; only `state` says what they are worth.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import c2pa

from generations.imaging.containers import Chunk, chunks, sniff
from generations.imaging.encoding import mime_type
from generations.labelling.manifests.contexts import MINING_ASSERTION, OWN_ASSERTION, context

# A manifest with pictures of its ingredients can have a few megabytes.
MAX_STORE_BYTES = 10_000_000
# No list and no text that is read is longer.
MOST_ITEMS, MOST_CHARACTERS = 50, 300

TRUSTED, VALID, INVALID = "trusted", "valid", "invalid"
UNREADABLE, REMOTE = "unreadable", "remote"
_STATES = {"Trusted": TRUSTED, "Valid": VALID, "Invalid": INVALID}

# How the error of c2pa-rs begins that has no class of its own in Python.
_IS_REMOTE = "Remote:"

_APP11 = b"\xeb"
_JUMBF_IN_JPEG = b"JP"
# RFC 6920, 7: a hash as a name.
_HASH_NAME = re.compile(r"nih:sha-256;([0-9a-f]{64})")


@dataclass(frozen=True)
class Action:
    """What was done to the picture: `name` as in C2PA (c2pa.created), the other texts may be empty.

    `source_type` is a URI of IPTC, `agent` a program with its version, `when` as its signer wrote.
    """

    name: str
    source_type: str
    agent: str
    when: str


@dataclass(frozen=True)
class Ingredient:
    """A file that went into the picture.

    `relationship` is parentOf, componentOf or inputTo; `sha256` is in lower-case hex, or empty if
    the manifest does not name it. `problems` are codes of what is wrong with its own manifest.
    """

    relationship: str
    title: str
    sha256: str
    has_manifest: bool
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Credentials:
    """What the newest manifest of a file says, and what it is worth.

    `state` is `trusted` (intact, and signed by whom one of the roots vouches for), `valid` (intact,
    by anybody), `invalid` (changed since, or wrongly signed), `unreadable`, or `remote` (the file
    names a manifest elsewhere, which is never fetched). The last two have `problems` only.

    `issuer` and `signer` are organisation and name in the certificate, `serial` its serial number
    in decimal. `stamped_at` is the time by an authority, None without one. `depth` counts the
    manifests from this one down its longest line of ingredients. `image_id` is what a label of
    this studio names. `problems` are codes of C2PA, 15.2.
    """

    state: str
    problems: tuple[str, ...] = ()
    issuer: str = ""
    signer: str = ""
    serial: str = ""
    stamped_at: datetime | None = None
    generator: str = ""
    generator_version: str = ""
    actions: tuple[Action, ...] = ()
    mining: dict[str, str] = field(default_factory=dict)
    ingredients: tuple[Ingredient, ...] = ()
    depth: int = 0
    image_id: str = ""
    # Set by those who know it: since when others may have the key that signed.
    withdrawn_at: datetime | None = None

    @property
    def source_type(self) -> str:
        """The URI of how the picture was made, empty if no action says so."""
        return next((each.source_type for each in self.actions if each.source_type), "")

    @property
    def is_intact(self) -> bool:
        """Whether nothing has changed since it was signed."""
        return self.state in (TRUSTED, VALID)


def read_credentials(data: bytes, *, roots: str) -> Credentials | None:
    """The credentials of a JPEG, PNG or WebP file, or None if it has none.

    `roots` are the certificates that are trusted, in PEM; may be empty. Never raises for what is in
    the file, and asks nothing of the network.
    """
    size = store_bytes(data)
    if size > MAX_STORE_BYTES:
        return Credentials(UNREADABLE, ("too_large",))
    try:
        return _read(data, roots)
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return Credentials(UNREADABLE, ("not_a_manifest",)) if size else None
    except (c2pa.C2paError, ValueError, TypeError, AttributeError, RecursionError) as error:
        if str(error).startswith(_IS_REMOTE):
            return Credentials(REMOTE, ("manifest.inaccessible",))
        return Credentials(UNREADABLE, (_code(error),))


def can_be_opened(data: bytes) -> bool:
    """Whether a file has a manifest that readers of ours can read, be it valid or not."""
    if not store_bytes(data):
        return False
    found = read_credentials(data, roots="")
    return found is not None and found.state in (TRUSTED, VALID, INVALID)


def store_bytes(data: bytes) -> int:
    """How many bytes of a file are manifests (C2PA 2.2, A.3), counted without reading them."""
    return sum(len(chunk.body) for chunk in chunks(data) if is_store(chunk))


def is_store(chunk: Chunk) -> bool:
    """Whether a part of a file holds manifests."""
    in_jpeg = chunk.kind == _APP11 and chunk.body[:2] == _JUMBF_IN_JPEG
    return in_jpeg or chunk.kind in (b"caBX", b"C2PA")


def _read(data: bytes, roots: str) -> Credentials | None:
    image_format = sniff(data)
    if image_format is None:
        return None
    with c2pa.Reader(mime_type(image_format), io.BytesIO(data), context=context(roots)) as reader:
        found = json.loads(reader.json())
    manifests = found["manifests"]
    active = found.get("active_manifest")
    return _credentials(found, manifests, active) if active in manifests else None


def _credentials(found: dict[str, Any], manifests: dict[str, Any], active: str) -> Credentials:
    manifest = manifests[active]
    signature = manifest.get("signature_info") or {}
    generator: dict[str, Any] = next(iter(manifest.get("claim_generator_info") or []), {})
    results = found.get("validation_results") or {}
    return Credentials(
        state=_STATES.get(found.get("validation_state", ""), INVALID),
        problems=_failures(results),
        issuer=_text(signature.get("issuer")),
        signer=_text(signature.get("common_name")),
        serial=_text(signature.get("cert_serial_number")),
        stamped_at=_time(signature.get("time")),
        generator=_text(generator.get("name") or manifest.get("claim_generator")),
        generator_version=_text(generator.get("version")),
        actions=tuple(_actions(manifest)),
        mining=_mining(manifest),
        ingredients=tuple(map(_ingredient, (manifest.get("ingredients") or [])[:MOST_ITEMS])),
        depth=_depth(manifests, active),
        image_id=_text(_assertion(manifest, OWN_ASSERTION).get("image")),
    )


def _assertions(manifest: dict[str, Any], label: str) -> Iterator[dict[str, Any]]:
    """The data of all assertions of a kind, of whichever version."""
    for each in manifest.get("assertions") or []:
        # A second one of a kind is called label__1.
        name = str(each.get("label", "")).partition("__")[0]
        if name == label or name.startswith(f"{label}.v"):
            yield each["data"] if isinstance(each.get("data"), dict) else {}


def _assertion(manifest: dict[str, Any], label: str) -> dict[str, Any]:
    return next(_assertions(manifest, label), {})


def _actions(manifest: dict[str, Any]) -> list[Action]:
    listed = [
        action
        for data in _assertions(manifest, "c2pa.actions")
        for action in data.get("actions") or []
    ]
    return [
        Action(
            name=_text(action.get("action")),
            source_type=_text(action.get("digitalSourceType")),
            agent=_agent(action.get("softwareAgent")),
            when=_text(action.get("when")),
        )
        for action in listed[:MOST_ITEMS]
    ]


def _agent(agent: Any) -> str:
    """C2PA 1 knows a text as a software agent, C2PA 2 a name and a version."""
    if not isinstance(agent, dict):
        return _text(agent)
    return _text(f"{_text(agent.get('name'))} {_text(agent.get('version'))}".strip())


def _mining(manifest: dict[str, Any]) -> dict[str, str]:
    """What may be mined, by entry; c2pa.training-mining is what the assertion was called before."""
    data = _assertion(manifest, MINING_ASSERTION) or _assertion(manifest, "c2pa.training-mining")
    entries = list((data.get("entries") or {}).items())[:MOST_ITEMS]
    return {_text(name): _text(entry.get("use")) for name, entry in entries}


def _ingredient(found: dict[str, Any]) -> Ingredient:
    named = _HASH_NAME.fullmatch(_text(found.get("instance_id")))
    return Ingredient(
        relationship=_text(found.get("relationship")),
        title=_text(found.get("title")),
        sha256=named[1] if named else "",
        has_manifest=bool(found.get("active_manifest")),
        problems=_failures(found.get("validation_results") or {}),
    )


def _failures(results: dict[str, Any]) -> tuple[str, ...]:
    """The codes of what is wrong, each once. That nobody vouches for the signer is one of them.

    Deltas are what has become wrong in manifests below since they were signed over.
    """
    deltas = [each.get("validationDeltas") for each in results.get("ingredientDeltas") or []]
    failures = [
        failure
        for each in (results.get("activeManifest"), *deltas)
        for failure in (each or {}).get("failure") or []
    ]
    return tuple(dict.fromkeys(_text(each.get("code")) for each in failures))[:MOST_ITEMS]


def _depth(manifests: dict[str, Any], active: str) -> int:
    """The manifests on the longest way down from the active one; a circle is walked once."""
    depth, layer, seen = 0, {active}, set[str]()
    while layer:
        depth, seen = depth + 1, seen | layer
        below = {
            each.get("active_manifest")
            for label in layer
            for each in manifests[label].get("ingredients") or []
        }
        layer = {label for label in below if label in manifests} - seen
    return depth


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return value[:MOST_CHARACTERS] if isinstance(value, str) else ""


def _code(error: Exception) -> str:
    """The kind of a failure. The text of an error may quote the file."""
    return type(error).__name__.removeprefix("_C2pa").lower()
