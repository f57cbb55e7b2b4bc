"""The ledger entries that records name, as an export holds them.

    {"hash": "<hex>", "entry": {canonical object}}

They are in the order in which the records name them. See `accounts.audit.entries`.
"""

from typing import Any

from accounts import audit
from accounts.evidence.lines import Line

BATCH = 500


def named_by(line: Line) -> list[dict[str, Any]]:
    """Return the entries that the record of a line names, without those that are missing."""
    record = line.get("record") or {"v": 1}
    facts = record["facts"] if record["v"] > 1 else None
    names = facts.get("entries") if isinstance(facts, dict) else None
    if not isinstance(names, list):
        return []
    texts = [name for name in names if isinstance(name, str)]
    found: dict[str, Any] = {}
    for start in range(0, len(texts), BATCH):  # A statement of SQLite has few parameters.
        found |= audit.entries.named(texts[start : start + BATCH])
    return [
        {"hash": name, "entry": audit.entries.canonical(found[name])}
        for name in texts
        if name in found
    ]
