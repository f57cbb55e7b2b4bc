"""The ledger entries that records name, as an export holds them.

    {"hash": "<hex>", "entry": {canonical object}}

They are in the order in which the records name them. See `accounts.audit.entries`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from accounts import audit
from accounts.evidence import lines
from accounts.evidence.lines import Line
from accounts.models import Record

BATCH = 500

Named = dict[str, Any]
Selected = tuple[Line, Record | None]


def named_by(*among: Line) -> list[Named]:
    """Return the entries that the records of these lines name, without those that are missing."""
    names = [name for line in among for name in _names(line)]
    found = _found(names)
    return [found[name] for name in names if name in found]


def beside(rest: Iterable[Selected]) -> Iterator[tuple[Line, Record | None, list[Named]]]:
    """Yield each line and its record with the entries that it names; see `named_by`.

    Entries are read in batches, so some lines are read ahead.
    """
    rest = iter(rest)
    while batch := list(islice(rest, lines.BATCH)):
        found = _found([name for line, _record in batch for name in _names(line)])
        for line, record in batch:
            yield line, record, [found[name] for name in _names(line) if name in found]


def _names(line: Line) -> list[str]:
    record = line.get("record") or {"v": 1}
    facts = record["facts"] if record["v"] != 1 else None
    names = facts.get("entries") if isinstance(facts, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _found(names: Sequence[str]) -> dict[str, Named]:
    """The entries with these names that there are, by name."""
    # A statement of SQLite has few parameters.
    batches = (names[start : start + BATCH] for start in range(0, len(names), BATCH))
    return {
        name: {"hash": name, "entry": audit.entries.canonical(entry)}
        for batch in batches
        for name, entry in audit.entries.named(batch).items()
    }
