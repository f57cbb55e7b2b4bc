"""The audit log: append-only records that anyone can verify without this software."""

from accounts.audit import entries, erasing, tallies
from accounts.audit.canonical import (
    canonical_bytes,
    leaf_hash,
    payload_digest,
    record_bytes,
)
from accounts.audit.recording import record
from accounts.audit.viewers import newest_visible_to, reads_whole_log, visible_to

__all__ = [
    "canonical_bytes",
    "entries",
    "erasing",
    "leaf_hash",
    "newest_visible_to",
    "payload_digest",
    "reads_whole_log",
    "record",
    "record_bytes",
    "tallies",
    "visible_to",
]
