"""The canonical bytes of a record. Its leaf is their hash, so this format never changes.

    leaf     = SHA-256(0x00 ‖ c)                       (RFC 6962, 2.1: the hash of a leaf)
    c        = canonical JSON of v id at event actor subject facts personal and, from version 2
               on, teams: the identifiers of the actor's and the subject's team, or null
    personal = hex SHA-256(salt ‖ canonical JSON of the payload), or null

Canonical JSON: UTF-8, keys sorted by code point, no spaces, no ASCII escaping, and only strings,
integers, booleans, null, lists and objects. Times are RFC 3339, UTC, six decimals, Z; identifiers
are UUIDs in lower case with hyphens.
"""

import datetime as dt
import hashlib
import json
from typing import Any

from accounts.models import Record

# The version of new records, and the first one that names teams.
VERSION = 2
WITH_TEAMS = 2

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
# A fraction is read as another value than was written.
_DECODER = json.JSONDecoder(parse_float=str, parse_constant=str)
_NUL = "\\u0000"


def canonical_bytes(value: Any) -> bytes:
    """Return `value` as canonical JSON.

    Raises TypeError for a value of any other type (floats too: their text is not unique) and
    ValueError for text that UTF-8 or PostgreSQL cannot hold (lone surrogates, NUL).
    """
    text = _ENCODER.encode(value)
    # What is read back is equal only if each value and each key has a canonical form. Most do, and
    # this costs much less than a look at each of them.
    if _NUL in text or _DECODER.decode(text) != value:
        _refuse_unfit(value)
    return text.encode()


def payload_digest(salt: bytes, payload: dict[str, Any]) -> str:
    return hashlib.sha256(salt + canonical_bytes(payload)).hexdigest()


def leaf_hash(canonical: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + canonical).digest()


def record_bytes(record: Record, *, actor: str | None) -> bytes:
    """Return the canonical bytes of a record; `actor` is the person's identifier or None."""
    return canonical_bytes(members_of(record, actor=actor))


def members_of(record: Record, *, actor: str | None) -> dict[str, Any]:
    """Return what the canonical bytes of a record say. See `record_bytes`."""
    members: dict[str, Any] = {
        "v": record.version,
        "id": str(record.uuid),
        "at": timestamp(record.at),
        "event": str(record.event),
        "actor": actor,
        "subject": {"kind": record.subject_kind, "id": str(record.subject_id)},
        "facts": record.facts,
        "personal": record.personal,
    }
    if record.version >= WITH_TEAMS:
        teams = {"actor": record.actor_team, "subject": record.subject_team}
        members["teams"] = {role: team and str(team) for role, team in teams.items()}
    return members


def timestamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _refuse_unfit(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("text with a NUL character cannot be recorded")
        value.encode()
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a key must be text, not {type(key).__name__}")
            _refuse_unfit(key)
            _refuse_unfit(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_unfit(item)
    elif value is not None and not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} has no canonical form")
