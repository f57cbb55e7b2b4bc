"""Every move of a generation: the compare-and-swap and all that belongs to it, at once.

One short transaction holds the status, its record, the run's counters, at an end the credits,
and a bump of the person's live tag. Losing the race is normal: `move` returns False, and the
caller walks away.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit, ledger
from accounts.events import Event
from accounts.models import User
from generations import hints, live
from generations.models import Delivery, Generation, Run
from generations.states import ENDED, OPEN, Status, sources


def move(
    generation: Generation,
    target: Status,
    *,
    expect: Iterable[Status] | None = None,
    guard: Q | None = None,
    charge: int | None = None,
    actor: User | None = None,
    facts: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> bool:
    """Move a generation to `target` if it is still where the caller last saw it.

    `expect` names other statuses to come from; `guard` adds conditions; `changes` are columns set
    in the same update. At an end, `charge` credits are spent and the rest released; without it,
    what was delivered is charged. Raises ValueError for a move that the table does not know.
    """
    expected = [Status(status) for status in (expect or [Status(generation.status)])]
    if not set(expected) <= sources(target):
        raise ValueError(f"no move from {expected} to {target}")
    with transaction.atomic():
        source = _swap(generation, target, expected, guard or Q(), changes or {})
        if source is None:
            return False
        generation.refresh_from_db()
        _count(generation, source, target)
        spent = _settle(generation, charge, actor) if target in ENDED else None
        _record(generation, source, target, actor=actor, facts={**(facts or {}), **(spent or {})})
        live.bump(generation.run.user_id)
        if target in ENDED or target == Status.UNKNOWN:
            hints.hint(hints.SUBMIT)  # a slot is free
    return True


def _swap(
    generation: Generation,
    target: Status,
    expected: Iterable[Status],
    guard: Q,
    changes: Mapping[str, Any],
) -> Status | None:
    if target in ENDED:
        changes = {"ended_at": timezone.now(), "claimed_by": "", "next_action_at": None, **changes}
    row = Generation.objects.filter(guard, pk=generation.pk)
    for source in expected:
        if row.filter(status=source).update(status=target, **changes):
            return source
    return None


def _count(generation: Generation, source: Status, target: Status) -> None:
    """Keep the run's counters, in images, in step."""
    changes: dict[str, Any] = {}
    for counter, statuses in _COUNTED.items():
        weight = (target in statuses) - (source in statuses)
        if weight:
            changes[counter] = F(counter) + weight * generation.wanted
    if target == Status.SUCCEEDED and _is_complete_set(generation):
        changes["wanted"] = F("wanted") - max(generation.wanted - generation.delivered, 0)
    if changes:
        Run.objects.filter(pk=generation.run_id).update(**changes)


def _is_complete_set(generation: Generation) -> bool:
    """A set asks for at most so many: what came is all that was wanted, unless some went wrong."""
    if not generation.run.options.get("sequential"):
        return False
    return not generation.deliveries.filter(status=Delivery.Status.FAILED).exists()


_COUNTED = {
    "open": OPEN,
    "unknown": frozenset({Status.UNKNOWN}),
    "cancelled": frozenset({Status.CANCELLED}),
}


def _settle(generation: Generation, charge: int | None, actor: User | None) -> dict[str, Any]:
    earned = generation.delivered * generation.price.credits if charge is None else charge
    spent, released = ledger.settle(generation.uuid, earned, actor=actor)
    return {"credits_spent": spent, "credits_released": released, "delivered": generation.delivered}


def _record(
    generation: Generation,
    source: Status,
    target: Status,
    *,
    actor: User | None,
    facts: dict[str, Any],
) -> None:
    about = {
        "from": str(source),
        "to": str(target),
        "attempt": generation.attempt,
        "engine": generation.run.engine,
    }
    audit.record(
        Event(f"generation:{target}"),
        actor=actor,
        subject=generation,
        story=generation.run.uuid,
        facts=about | facts,
    )
