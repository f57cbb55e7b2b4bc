"""Ledger entries as records name them: by the SHA-256 of their canonical JSON.

The record of an act lists the digests of its entries as the fact `entries`. The reason of an entry
is the text of a person. It is in the payload of the record, and no digest covers it.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from accounts.audit.canonical import canonical_bytes, timestamp
from accounts.models import Entry

RELATED = ("actor", "allowance__user", "allowance__team")
# What `canonical` needs. The log is looked at before migrations, when people and teams may still
# lack columns of this version.
_COLUMNS = (
    *("digest", "amount", "kind", "generation", "price", "created_at"),
    *("actor__uuid", "allowance__month", "allowance__user__uuid", "allowance__team__uuid"),
)


def canonical(entry: Entry) -> dict[str, Any]:
    """Return the canonical object of an entry; identifiers stand for people, teams and prices."""
    allowance = entry.allowance
    return {
        "actor": str(entry.actor.uuid) if entry.actor else None,
        "amount": entry.amount,
        "at": timestamp(entry.created_at),
        "generation": str(entry.generation) if entry.generation else None,
        "kind": str(entry.kind),
        "month": f"{allowance.month:%Y-%m}",
        "person": str(allowance.user.uuid) if allowance.user else None,
        "price": str(entry.price) if entry.price else None,
        "team": str(allowance.team.uuid) if allowance.team else None,
    }


def digest(entry: Entry) -> str:
    """Return the digest of an entry, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(canonical(entry))).hexdigest()


def named(digests: Iterable[str]) -> dict[str, Entry]:
    """Return the entries with these digests that there are, by digest."""
    rows = Entry.objects.filter(digest__in=list(digests)).select_related(*RELATED)
    rows = rows.only(*_COLUMNS)
    return {row.digest or "": row for row in rows}
