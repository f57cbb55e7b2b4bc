"""Entries, and the records of the acts that write them."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import Allowance, Entry, Team, User


def enter(
    allowance: Allowance, kind: Entry.Kind, amount: int, *, actor: User | None, reason: str
) -> dict[str, list[str]]:
    """Write an entry, unless `amount` is 0; returns the fact about it for the record."""
    if not amount:
        return {"entries": []}
    entry = entered(allowance=allowance, kind=kind, amount=amount, actor=actor, reason=reason)
    return {"entries": digests([entry])}


def entered(**values: Any) -> Entry:
    entry = new_entry(**values)
    entry.save(force_insert=True)
    return entry


def new_entry(**values: Any) -> Entry:
    """An entry of now, with the digest by which records name it."""
    entry = Entry(created_at=timezone.now(), **values)
    entry.digest = audit.entries.digest(entry)
    return entry


def digests(entries: Iterable[Entry]) -> list[str]:
    return [entry.digest for entry in entries if entry.digest]


def record_act(
    event: Event, owner: User | Team, *, actor: User | None, reason: str, facts: dict
) -> None:
    personal = {"reason": reason} if reason else None
    audit.record(event, actor=actor, subject=owner, facts=facts, personal=personal)
