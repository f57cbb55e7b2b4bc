"""Finding tasks whose answer was lost, or that had not ended at their deadline.

A webhook alone proves nothing. A generation adopts a task id only after a read with the key that
submitted it, and only if no other generation has it. A failed generation whose images may still
arrive (`late`) is treated like one with an unknown outcome.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from generations.jobs import lifecycle
from generations.jobs.execution import late, requests
from generations.models import Generation, WebhookEvent
from generations.providers import registry
from generations.providers.errors import Misconfigured, ProviderError, Refused, TaskFailed
from generations.providers.types import InProgress
from generations.states import Status

log = logging.getLogger(__name__)

# Longer than a read may take, so that no two workers handle the same event at once.
LEASE = timedelta(seconds=60)
ASK_AGAIN = timedelta(seconds=30)
EVENT_PATIENCE = timedelta(hours=24)
LOOK_UP_EVERY = timedelta(minutes=10)
LOOK_UP_PATIENCE = timedelta(hours=24)


def to_adopt() -> QuerySet[WebhookEvent]:
    """Webhook events that may name a lost task and are due to be confirmed."""
    return WebhookEvent.objects.filter(next_action_at__lte=timezone.now()).order_by(
        "next_action_at", "id"
    )


def adopt_from(event_pk: int) -> bool:
    """Adopt the task that a webhook event names, if a read confirms it; returns whether it did."""
    now = timezone.now()
    due = WebhookEvent.objects.filter(pk=event_pk, next_action_at__lte=now)
    if not due.update(next_action_at=now + LEASE):
        return False
    event = WebhookEvent.objects.select_related(
        "generation__run", "generation__account", "generation__price"
    ).get(pk=event_pk)
    generation = event.generation
    if not _is_awaited(generation):
        # While the answer may still come, or the same bytes are sent again, that has priority. In
        # any other status the generation needs no webhook.
        _ask_later(event, again=generation.status in (Status.SUBMITTING, Status.QUEUED))
        return False
    known = _confirm(generation, event.task_id)
    _ask_later(event, again=known is None)
    return bool(known) and adopt(generation, event.task_id)


def look_up(generation_pk: int) -> bool:
    """Ask again about a task that missed its deadline; returns whether it was adopted."""
    now = timezone.now()
    due = to_look_up().filter(pk=generation_pk)
    if not due.update(next_action_at=now + _scaled(LOOK_UP_EVERY)):
        return False
    generation = Generation.objects.select_related("run", "account", "price").get(pk=generation_pk)
    ended = _confirm(generation, generation.task_id, ended=True)
    return bool(ended) and adopt(generation, generation.task_id)


def to_look_up() -> QuerySet[Generation]:
    """Tasks of unknown or failed generations that are due to be asked about."""
    now = timezone.now()
    unknown = Q(status=Status.UNKNOWN, unknown_at__gt=now - LOOK_UP_PATIENCE)
    failed = Q(status=Status.FAILED, may_arrive_until__gt=now)
    rows = Generation.objects.filter(unknown | failed, next_action_at__lte=now)
    return rows.exclude(task_id="").order_by("next_action_at", "id")


def can_still_arrive(generation: Generation) -> bool:
    """Whether an unknown outcome may still become known without a decision by an admin."""
    return bool(generation.task_id or requests.webhook_url(generation))


def first_look_up() -> dict[str, object]:
    """The column that says when to ask again about a generation that reached its deadline."""
    return {"next_action_at": timezone.now() + _scaled(LOOK_UP_EVERY)}


def adopt(generation: Generation, task_id: str, *, actor: User | None = None) -> bool:
    """Continue an awaited generation as the task `task_id`, as if its answer had arrived.

    Returns False if another generation has this task, or if no images are awaited any more. Raises
    KeyError if the engine is no longer known.
    """
    engine = registry.engine(generation.run.engine)
    now = timezone.now()
    deadline = _scaled(timedelta(seconds=engine.capabilities.deadline_seconds))
    try:
        with transaction.atomic():
            return lifecycle.move(
                generation,
                Status.RUNNING,
                expect=[Status.UNKNOWN, Status.FAILED],
                guard=Q(task_id="") | Q(task_id=task_id),
                actor=actor,
                facts={"task_id": task_id},
                changes={
                    "task_id": task_id,
                    "claimed_by": "",
                    "next_action_at": now,
                    "deadline_at": now + deadline,
                },
            )
    except IntegrityError:
        log.warning("another generation holds the task that was told for %s", generation.uuid)
        return False


def _is_awaited(generation: Generation) -> bool:
    return Generation.objects.filter(late.is_awaited(), pk=generation.pk).exists()


def _confirm(generation: Generation, task_id: str, *, ended: bool = False) -> bool | None:
    """Return whether the provider knows the task under this key; None if it could not be asked.

    With `ended`, return whether the provider knows that the task has ended.
    """
    account = generation.account
    if account is None:
        return False
    try:
        adapter = registry.adapter(account.provider, account.slot)
        answer = adapter.poll(requests.task_of(generation, task_id))
    except TaskFailed:
        return True
    except (Refused, Misconfigured, KeyError):
        return False
    except ProviderError:
        return None
    except Exception:
        # An unforeseen error proves nothing. Asking ends after a day in any case.
        log.exception("the task of %s could not be asked about", generation.uuid)
        return None
    return not (ended and isinstance(answer, InProgress))


def _ask_later(event: WebhookEvent, *, again: bool) -> None:
    now = timezone.now()
    again = again and now - event.received_at < EVENT_PATIENCE
    event.next_action_at = now + _scaled(ASK_AGAIN) if again else None
    event.save(update_fields=["next_action_at"])


def _scaled(time: timedelta) -> timedelta:
    return time * settings.PROVIDER_TIME_SCALE
