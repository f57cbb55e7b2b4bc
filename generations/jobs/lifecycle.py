"""Every change of a generation's status, with all that belongs to it, in one transaction.

One short transaction changes the status, writes its record and the run's counters, settles the
credits at an end, and marks the person's pages as changed. If another process has changed the
status first, `move` returns False and the caller does nothing more.

Credits are settled at the first end and never again. A failed generation continues if its images
arrive before `may_arrive_until`. They count as late and are not charged.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from accounts import audit, ledger, personal_notices
from accounts.events import Event
from accounts.models import User
from generations import budgets, live, usage
from generations.jobs import hints
from generations.models import Delivery, Generation, Run
from generations.states import ENDED, OPEN, Status, sources

# Nobody sits and waits for so long: who asked for a run that took longer is told when it has ended.
LONG = timedelta(minutes=2)


def move(
    generation: Generation,
    target: Status,
    *,
    expect: Iterable[Status] | None = None,
    guard: Q | None = None,
    charge: int | None = None,
    actor: User | None = None,
    facts: Mapping[str, Any] | None = None,
    personal: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> bool:
    """Move a generation to `target` if it still has the status that the caller last saw.

    `expect` replaces that status with a list of allowed ones, `guard` adds conditions, and
    `changes` are columns to set in the same update. `facts` and `personal` go on the record. At an
    end, `charge` credits are spent and the rest is released. Without `charge`, each delivered image
    is charged. Credits that were settled before do not change. A failed generation moves only until
    `may_arrive_until`. Raises ValueError if `states` knows no such move.
    """
    expected = [Status(status) for status in (expect or [Status(generation.status)])]
    if not set(expected) <= sources(target):
        raise ValueError(f"no move from {expected} to {target}")
    cost = generation.cost_usd
    with _as_it_was(generation), transaction.atomic():
        source = _swap(generation, target, expected, guard or Q(), changes or {})
        if source is None:
            return False
        _read_again(generation)
        _count(generation, source, target)
        spent = _settle(generation, charge, actor) if target in ENDED else None
        late = {"late": True} if generation.came_late else {}
        facts = {**(facts or {}), **(spent or {}), **late}
        _record(generation, source, target, actor=actor, facts=facts, personal=dict(personal or {}))
        if target in ENDED:
            _tell_author(generation, actor)
        _add_up(generation, source, spent, cost)  # last: these rows are shared by whole teams
        live.bump(generation.run.user_id)
        if target in ENDED or target == Status.UNKNOWN:
            hints.hint(hints.SUBMIT)  # its key has room again
    return True


def _tell_author(generation: Generation, actor: User | None) -> None:
    """Tell the author of a run that took long and has ended, unless they ended it."""
    run, now = generation.run, timezone.now()
    if now - run.created_at < LONG or (actor and actor.pk == run.user_id):
        return
    # Read after the counters were updated, so that of two last moves one sees the end.
    ended = Run.objects.filter(pk=run.pk, open=0, unknown=0)
    for delivered in ended.values_list("delivered", flat=True):
        facts = {"images": delivered, "minutes": int((now - run.created_at).total_seconds() // 60)}
        kind = personal_notices.Kind.RUN_ENDED
        personal_notices.tell(run.user_id, kind, cause=str(run.uuid), facts=facts)


@contextmanager
def _as_it_was(generation: Generation) -> Iterator[None]:
    """Restore the object when the block raises, so that the caller can try again."""
    before = dict(vars(generation))
    try:
        yield
    except BaseException:
        vars(generation).update(before)
        raise


def _swap(
    generation: Generation,
    target: Status,
    expected: Iterable[Status],
    guard: Q,
    changes: Mapping[str, Any],
) -> Status | None:
    now = timezone.now()
    row = Generation.objects.filter(guard, pk=generation.pk)
    for source in expected:
        found = row.filter(status=source)
        if source == Status.FAILED:
            found = found.filter(may_arrive_until__gt=now)
        if found.update(status=target, **{**_times(source, target, now), **changes}):
            return source
    return None


def _read_again(generation: Generation) -> None:
    """Read the generation and the rows that a move needs, in one query.

    Its provider account is kept if it is known: to join one more table is a tenth of the cost.
    """
    field = Generation._meta.get_field("account")
    account = generation.account if field.is_cached(generation) else None
    generation.refresh_from_db(from_queryset=_WITH_ITS_ROWS)
    if account and account.pk == generation.account_id:
        generation.account = account


def _times(source: Status, target: Status, now: datetime) -> dict[str, Any]:
    """The columns with times that a move from `source` to `target` sets."""
    columns: dict[str, Any] = {}
    if target in ENDED:
        columns |= {"ended_at": now, "claimed_by": "", "next_action_at": None}
    if target == Status.UNKNOWN:
        # Keep the first time, so that a second loss does not postpone the release.
        columns["unknown_at"] = Coalesce("unknown_at", Value(now))
    if source == Status.FAILED:
        columns |= {"ended_at": None, "came_late": True}
    return columns


def _count(generation: Generation, source: Status, target: Status) -> None:
    """Update the run's counters, which count images."""
    changes: dict[str, Any] = {}
    for counter, statuses in _COUNTED.items():
        weight = (target in statuses) - (source in statuses)
        if weight:
            changes[counter] = F(counter) + weight * generation.wanted
    if target == Status.SUCCEEDED and _is_complete_set(generation):
        short = max(generation.wanted - generation.delivered, 0)
        # Never below what was delivered: a set that was asked for twice may arrive twice.
        changes["wanted"] = Greatest(F("wanted") - short, F("delivered"), Value(1))
    if changes:
        Run.objects.filter(pk=generation.run_id).update(**changes)


def _is_complete_set(generation: Generation) -> bool:
    """Whether this is a set whose images have all arrived. A set asks for a maximum only."""
    if not generation.run.options.get("sequential"):
        return False
    return not generation.deliveries.filter(status=Delivery.Status.FAILED).exists()


_WITH_ITS_ROWS = Generation.objects.select_related("run__team", "price")
_COUNTED = {
    "open": OPEN,
    "unknown": frozenset({Status.UNKNOWN}),
    "cancelled": frozenset({Status.CANCELLED}),
}


def _settle(generation: Generation, charge: int | None, actor: User | None) -> dict[str, Any]:
    each = generation.image_credits
    images = generation.delivered if charge is None else charge // each
    earned = images * each if charge is None else charge
    settled = ledger.settle(generation.uuid, earned, actor=actor)
    budgets.settle(generation, images)
    return {
        "credits_spent": settled.spent,
        "credits_released": settled.released,
        "delivered": generation.delivered,
        "entries": settled.entries,
    }


def _add_up(
    generation: Generation, source: Status, settled: dict[str, Any] | None, cost: Decimal | None
) -> None:
    """Keep the totals of the day in step. `cost` is what was known before."""
    if source == Status.FAILED:
        usage.reopened(generation)
    if generation.cost_usd != cost:
        usage.costed(generation, (generation.cost_usd or Decimal()) - (cost or Decimal()))
    if settled is not None:
        spent, released = settled["credits_spent"], settled["credits_released"]
        usage.ended(generation, spent=spent, released=released)


def _record(
    generation: Generation,
    source: Status,
    target: Status,
    *,
    actor: User | None,
    facts: dict[str, Any],
    personal: dict[str, Any],
) -> None:
    about: dict[str, Any] = {
        "from": str(source),
        "to": str(target),
        "attempt": generation.attempt,
        "engine": generation.run.engine,
    }
    if source == Status.RUNNING:
        about["polls"] = generation.polls
    audit.record(
        Event(f"generation:{target}"),
        actor=actor,
        subject=generation,
        story=generation.run.uuid,
        facts=about | facts,
        personal=personal or None,
    )
