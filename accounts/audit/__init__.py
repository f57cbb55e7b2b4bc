"""The audit log: append-only records that anyone can verify without this software's help."""

from accounts.audit.canonical import canonical_bytes, leaf_hash, payload_digest, record_bytes
from accounts.audit.recording import record

__all__ = ["canonical_bytes", "leaf_hash", "payload_digest", "record", "record_bytes"]
