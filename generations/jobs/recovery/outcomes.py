"""Ending work that nobody can do, and outcomes that stay unknown."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import notices
from generations.jobs import lifecycle, line, provider_health
from generations.jobs.execution import adopting, late
from generations.jobs.recovery.rows import Turn, each, with_run
from generations.models import Generation, Price, ProviderAccount
from generations.notice_kinds import OUTCOMES_RELEASED
from generations.providers import registry
from generations.providers.capabilities import provider_of
from generations.providers.errors import Code
from generations.states import Status

# The poller enforces deadlines. A task that is this much overdue has no poller any more.
DEADLINE_GRACE = timedelta(seconds=60)


def cancel_for_inactive(turn: Turn) -> int:
    """Cancel the queued generations of people who are no longer active; returns how many."""
    rows = Generation.objects.filter(status=Status.QUEUED, user__in=line.inactive_people())
    return each(_cancel_inactive, with_run(rows), turn)


def give_up_lost(turn: Turn) -> int:
    """End work that nobody can do; returns how many generations.

    Either no process has a usable key for the engine, or the deadline is long past.
    """
    now = timezone.now()
    patience = timedelta(seconds=settings.PROVIDER_RETRY_SECONDS)
    homeless = _waiting_for(now - patience, lambda price: price.engine not in registry.engines())
    overdue = Generation.objects.filter(status=Status.RUNNING, deadline_at__lt=now - DEADLINE_GRACE)
    lost = [(row, Status.FAILED, Code.ENGINE_MISSING) for row in with_run(homeless)]
    lost += [(row, Status.FAILED, code) for row, code in _behind_blocked_keys(now - patience)]
    lost += [
        (row, Status.UNKNOWN, Code.OUTCOME_UNKNOWN) for row in _free_or_list_bound(now - patience)
    ]
    lost += [(row, Status.UNKNOWN, Code.TIMEOUT) for row in with_run(overdue)]
    given_up = 0
    for row, target, code in lost:
        # With an idempotency key the work may have been accepted: skip it.
        if target == Status.UNKNOWN or not row.idempotency_key:
            given_up += each(partial(_give_up, target=target, code=code), [row], turn)
    return given_up


def release_unknown(turn: Turn) -> int:
    """Give up outcomes that stayed unknown for too long; returns how many.

    Credits are returned, and the studio pays. A known task is first looked up for as long as
    `LOOK_UP_PATIENCE`. The time counts from when the outcome first became unknown, because a
    provider may change its answer about one task again and again.
    """
    if not settings.UNKNOWN_RELEASE_HOURS:
        return 0
    now = timezone.now()
    old = Q(unknown_at__lt=now - timedelta(hours=settings.UNKNOWN_RELEASE_HOURS))
    no_more = Q(task_id="") | Q(unknown_at__lt=now - adopting.LOOK_UP_PATIENCE)
    rows = Generation.objects.filter(old, no_more, status=Status.UNKNOWN)
    released = each(_release, with_run(rows), turn)
    if released:
        facts = {"count": released, "hours": settings.UNKNOWN_RELEASE_HOURS}
        notices.tell(OUTCOMES_RELEASED, cause=f"{now:%Y-%m-%d}", facts=facts)
    return released


def _cancel_inactive(generation: Generation) -> bool:
    changes = {"error_code": str(Code.PERSON_INACTIVE)}
    return lifecycle.move(generation, Status.CANCELLED, changes=changes)


def _give_up(generation: Generation, *, target: Status, code: Code) -> bool:
    is_task = target == Status.UNKNOWN and generation.task_id
    look_up = adopting.first_look_up() if is_task else {}
    facts, columns = {"error": str(code)}, {"error_code": str(code)}
    return lifecycle.move(generation, target, facts=facts, changes={**columns, **look_up})


def _release(generation: Generation) -> bool:
    return late.give_up(generation, decision="released_by_age", charge=0)


def _behind_blocked_keys(before: datetime) -> list[tuple[Generation, Code]]:
    """Work for an engine whose keys are all blocked, because of a balance or a refusal."""
    engines = {price.engine for price in line.prices_waiting(before)}
    codes = {engine: provider_health.why_blocked(provider_of(engine), engine) for engine in engines}
    rows = with_run(_waiting_for(before, lambda price: bool(codes.get(price.engine))))
    return [(row, Code(codes[row.run.engine])) for row in rows]


def _waiting_for(before: datetime, matches: Callable[[Price], bool]) -> QuerySet[Generation]:
    """Generations in line since before `before` whose price passes `matches`."""
    prices = [price.pk for price in line.prices_waiting(before) if matches(price)]
    return Generation.objects.filter(
        status=Status.QUEUED, created_at__lt=before, price__in=prices
    ).order_by("price", "created_at")


def _free_or_list_bound(before: datetime) -> list[Generation]:
    """Return work that is bound to keys which this process lost, in line since before `before`.

    Work that was certainly never accepted is not returned but freed for the other keys. Another
    process may have the key, but would have sent the work long before.
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
    return list(with_run(waiting.filter(doubtful)))
