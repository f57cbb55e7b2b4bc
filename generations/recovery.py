"""Finds what got stuck and puts it back, settles it, or hints that it is due.

Run every few seconds from beat and safe to run at any time, by several processes at once: every
change is a compare-and-swap like any other.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import heartbeat
from generations import hints, lifecycle, provider_health
from generations.execution import adopting, arriving, delivering
from generations.models import Delivery, Generation, ProviderAccount, WebhookEvent
from generations.providers import registry
from generations.providers.errors import Code
from generations.states import Status

log = logging.getLogger(__name__)

BATCH = 100
# The poller rules on deadlines; what it did not within this time has no poller any more.
DEADLINE_GRACE = timedelta(seconds=60)
HINT_AGAIN = timedelta(seconds=2)


def recover() -> dict[str, int]:
    """One round; gives how many rows each step touched."""
    heartbeat.bury_dead()
    steps = {
        "submits": _recover_submits,
        "polls": _free_polls,
        "deliveries": _free_deliveries,
        "cancelled": _cancel_for_inactive,
        "given_up": _give_up_lost,
        "finished": _finish_stored,
        "hinted": _hint_due,
    }
    return {name: step() for name, step in steps.items()}


def _abandoned() -> Q:
    return ~Q(claimed_by="") & ~Q(claimed_by__in=heartbeat.alive().values("pk"))


def _recover_submits() -> int:
    """Submits whose worker is gone: sent or not, and may they be sent again?"""
    rows = Generation.objects.filter(_abandoned(), status=Status.SUBMITTING)
    return sum(_recover_submit(row) for row in rows.select_related("run", "price")[:BATCH])


def _recover_submit(generation: Generation) -> bool:
    mine = Q(submit_token=generation.submit_token)
    if kept := arriving.kept_answer(generation):
        return arriving.accept(generation, kept, guard=mine)
    if generation.submitted_at is None or generation.idempotency_key:
        # Surely not sent; or to be sent again with the same key and the same bytes.
        return lifecycle.move(
            generation,
            Status.QUEUED,
            guard=mine,
            facts={"why": "worker_gone"},
            changes={"claimed_by": "", "next_action_at": timezone.now(), **_doubt(generation)},
        )
    return lifecycle.move(
        generation,
        Status.UNKNOWN,
        guard=mine,
        facts={"why": "worker_gone"},
        changes={"claimed_by": "", "error_code": str(Code.OUTCOME_UNKNOWN)},
    )


def _doubt(generation: Generation) -> dict[str, Any]:
    """Once a byte was sent, the order may stand: only its own key can tell."""
    if generation.submitted_at is None:
        return {}
    since = generation.retrying_since or timezone.now()
    return {"error_code": str(Code.OUTCOME_UNKNOWN), "retrying_since": since}


def _free_polls() -> int:
    return Generation.objects.filter(_abandoned(), status=Status.RUNNING).update(
        claimed_by="", next_action_at=timezone.now()
    )


def _free_deliveries() -> int:
    return (
        Delivery.objects.filter(_abandoned())
        .exclude(status__in=delivering.FINAL)
        .update(claimed_by="", next_action_at=timezone.now())
    )


def _cancel_for_inactive() -> int:
    rows = Generation.objects.filter(status=Status.QUEUED, run__user__is_active=False)
    return sum(
        lifecycle.move(row, Status.CANCELLED, changes={"error_code": str(Code.PERSON_INACTIVE)})
        for row in rows.select_related("run", "price")[:BATCH]
    )


def _give_up_lost() -> int:
    """What nobody can work on: no process has the engine's key, or the deadline is long past."""
    now = timezone.now()
    patience = timedelta(seconds=settings.PROVIDER_RETRY_SECONDS)
    homeless = Generation.objects.filter(status=Status.QUEUED, created_at__lt=now - patience)
    homeless = homeless.exclude(run__engine__in=registry.engines())
    overdue = Generation.objects.filter(status=Status.RUNNING, deadline_at__lt=now - DEADLINE_GRACE)
    lost = [(row, Status.FAILED, Code.ENGINE_MISSING) for row in _with_run(homeless)]
    lost += [(row, Status.FAILED, code) for row, code in _behind_blocked_keys(now - patience)]
    lost += [
        (row, Status.UNKNOWN, Code.OUTCOME_UNKNOWN) for row in _bound_to_lost_keys(now - patience)
    ]
    lost += [(row, Status.UNKNOWN, Code.TIMEOUT) for row in _with_run(overdue)]
    return sum(
        lifecycle.move(row, target, facts={"error": str(code)}, changes={"error_code": str(code)})
        for row, target, code in lost
        # An idempotency key says that it may have been taken after all.
        if target == Status.UNKNOWN or not row.idempotency_key
    )


def _behind_blocked_keys(before: datetime) -> list[tuple[Generation, Code]]:
    """Work that waits for a provider of which every key is used up or refused."""
    waiting = Generation.objects.filter(status=Status.QUEUED, created_at__lt=before)
    providers = waiting.order_by().values_list("provider", flat=True).distinct()
    blocked = {name: code for name in providers if (code := provider_health.why_blocked(name))}
    rows = _with_run(waiting.filter(provider__in=blocked))
    return [(row, Code(blocked[row.provider])) for row in rows]


def _bound_to_lost_keys(before: datetime) -> list[Generation]:
    """Work that waits for the one key that may send it again, which is here no more.

    What was surely never taken is set free for the other keys. Another process may have the key,
    and would have sent it again long before.
    """
    lost = [
        account.pk
        for account in ProviderAccount.objects.all()
        if account.slot not in registry.slots(account.provider)
    ]
    waiting = Generation.objects.filter(
        status=Status.QUEUED, account__in=lost, retrying_since__lt=before
    ).exclude(idempotency_key="")
    doubtful = Q(error_code=Code.OUTCOME_UNKNOWN)
    waiting.exclude(doubtful).update(idempotency_key="", body=None, account=None)
    return list(_with_run(waiting.filter(doubtful)))


def _with_run(rows: QuerySet[Generation]) -> QuerySet[Generation]:
    return rows.select_related("run", "price")[:BATCH]


def _finish_stored() -> int:
    """Generations whose last picture was stored by a worker that died before it could say so."""
    unfinished = Delivery.objects.filter(generation=OuterRef("pk")).exclude(
        status__in=delivering.FINAL
    )
    rows = Generation.objects.filter(~Exists(unfinished), status=Status.STORING)
    return sum(delivering.finish(row) for row in rows.select_related("run", "price")[:BATCH])


def _hint_due() -> int:
    now = timezone.now()
    queued = Generation.objects.filter(
        Q(next_action_at__isnull=True) | Q(next_action_at__lte=now), status=Status.QUEUED
    )
    for _ in range(min(queued.count(), settings.WORKER_THREADS)):
        hints.hint(hints.SUBMIT)
    # The first hint is on its way: only what has waited a while is hinted again.
    waited = Q(next_action_at__lte=now - HINT_AGAIN)
    deliveries = Delivery.objects.filter(waited, claimed_by="")
    lately = now - adopting.LOOK_UP_PATIENCE
    late_tasks = Generation.objects.filter(
        waited, status=Status.UNKNOWN, deadline_at__gt=lately
    ).exclude(task_id="")
    steps: dict[str, QuerySet[Any]] = {
        hints.FETCH: deliveries.filter(status=Delivery.Status.PENDING),
        hints.LABEL: deliveries.filter(status=Delivery.Status.FETCHED),
        hints.ADOPT: WebhookEvent.objects.filter(waited),
        hints.LOOK_UP: late_tasks,
    }
    return sum(_hint_each(step, rows) for step, rows in steps.items())


def _hint_each(step: str, rows: QuerySet[Any]) -> int:
    due = list(rows.values_list("pk", flat=True)[:BATCH])
    for pk in due:
        hints.hint(step, pk)
    return len(due)
