"""The audit log: append-only records that anyone can verify without this software."""

from accounts.audit import entries, tallies
from accounts.audit.canonical import canonical_bytes, leaf_hash, payload_digest, record_bytes
from accounts.audit.recording import record
from accounts.audit.viewers import rows_visible_to, visible_to

__all__ = [
    "canonical_bytes",
    "entries",
    "leaf_hash",
    "payload_digest",
    "record",
    "record_bytes",
    "rows_visible_to",
    "tallies",
    "visible_to",
]
