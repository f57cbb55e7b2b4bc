"""The ledger entries that records name, as an export holds them.

    {"hash": "<hex>", "entry": {canonical object}}

They are in the order in which the records name them. See `accounts.audit.entries`.
"""

from collections.abc import Sequence
from typing import Any

from accounts import audit
from accounts.evidence.lines import Line

BATCH = 500


def named_by(*lines: Line) -> list[dict[str, Any]]:
    """Return the entries that the records of `lines` name, without those that are missing."""
    names = [name for line in lines for name in _names(line)]
    # A statement of SQLite has few parameters.
    batches = (names[start : start + BATCH] for start in range(0, len(names), BATCH))
    return [entry for batch in batches for entry in _named(batch)]


def _names(line: Line) -> list[str]:
    record = line.get("record") or {"v": 1}
    facts = record["facts"] if record["v"] > 1 else None
    names = facts.get("entries") if isinstance(facts, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _named(names: Sequence[str]) -> list[dict[str, Any]]:
    found = audit.entries.named(names)
    return [
        {"hash": name, "entry": audit.entries.canonical(found[name])}
        for name in names
        if name in found
    ]
