"""The audit log: append-only records that anyone can verify without this software."""

from accounts.audit import entries, erasing, index, readings, searching, tallies
from accounts.audit.canonical import (
    canonical_bytes,
    leaf_hash,
    members_of,
    payload_digest,
    record_bytes,
)
from accounts.audit.recording import record
from accounts.audit.viewers import Chosen, newest_visible_to, reads_whole_log, visible_to

__all__ = [
    "Chosen",
    "canonical_bytes",
    "entries",
    "erasing",
    "index",
    "leaf_hash",
    "members_of",
    "newest_visible_to",
    "payload_digest",
    "readings",
    "reads_whole_log",
    "record",
    "record_bytes",
    "searching",
    "tallies",
    "visible_to",
]
