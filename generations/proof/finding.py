"""Keeps what a proof has found: each finding once, from when it was found until it is gone."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.identifiers import NOBODY
from accounts.models import Allowance, Studio
from generations.models import Finding, Generation, Proof

log = logging.getLogger(__name__)
What = Finding.What


@dataclass(frozen=True)
class Found:
    """What does not agree. `cause` names the rows; `credits` says what they hold, by name."""

    what: What
    cause: str
    allowance: Allowance | None = None
    generation: UUID | None = None
    credits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Looked:
    """A chunk of rows that was looked at. `last` is the key of its last row, None after the end."""

    last: int | None
    found: list[Found] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)


def keep(proof: Proof, found: Iterable[Found]) -> None:
    """Keep findings that are new, on record; note that the others are still there."""
    for each in found:
        _keep(proof, each)


@transaction.atomic
def close_gone(proof: Proof) -> int:
    """End the findings that this proof has not seen again. Returns how many are left."""
    still = Finding.objects.filter(ended_at__isnull=True)
    still.exclude(seen_in=proof).update(ended_at=timezone.now())
    return still.count()


def _keep(proof: Proof, each: Found) -> None:
    here = Finding.objects.filter(cause=each.cause, ended_at__isnull=True)
    now: dict[str, Any] = {"seen_in": proof, "what": each.what, "credits": dict(each.credits)}
    if here.update(**now):
        return
    try:
        with transaction.atomic():
            about = {"allowance": each.allowance, "generation": each.generation}
            Finding.objects.create(cause=each.cause, found_at=timezone.now(), **now, **about)
            _record(each)
    except IntegrityError:  # Another proof has found it at the same time.
        here.update(**now)


def _record(each: Found) -> None:
    log.error("Credits do not add up: %s, %s: %s", each.what, each.cause, each.credits)
    if each.what == What.DRIFT:
        _record_drift(each)
        return
    uuid = each.generation or NOBODY
    row = Generation.objects.filter(uuid=uuid).select_related("run__team").first()
    named = {"generation": str(each.generation)} if each.generation else {}
    audit.record(
        Event.LEDGER_UNPROVED,
        actor=None,
        subject=row or Studio.objects.get_or_create(pk=Studio.ONLY)[0],
        story=row.run.uuid if row else None,
        facts={"what": str(each.what), "credits": dict(each.credits), **named},
    )


def _record_drift(each: Found) -> None:
    allowance = each.allowance
    assert allowance is not None  # noqa: S101  # a drift is that of an allowance
    facts = {"month": f"{allowance.month:%Y-%m}", **each.credits}
    audit.record(Event.LEDGER_DRIFTED, actor=None, subject=allowance.owner, facts=facts)
