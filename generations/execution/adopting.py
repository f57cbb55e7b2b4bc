"""A task whose answer was lost, or that outlived its deadline, is found again.

What a webhook says is believed in nothing: a task id becomes a generation's own only after a read
with the key that submitted it, and if no other generation holds it.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from generations import lifecycle
from generations.models import Generation, WebhookEvent
from generations.providers import registry
from generations.providers.errors import Misconfigured, ProviderError, Refused, TaskFailed
from generations.providers.types import InProgress, TaskRef
from generations.states import Status

log = logging.getLogger(__name__)

# Longer than a read may take, so that no two workers adopt the same news at once.
LEASE = timedelta(seconds=60)
ASK_AGAIN = timedelta(seconds=30)
EVENT_PATIENCE = timedelta(hours=24)
LOOK_UP_EVERY = timedelta(minutes=10)
LOOK_UP_PATIENCE = timedelta(hours=24)


def adopt_from(event_pk: int) -> bool:
    """Settle a lost answer by what a webhook told, if it proves true. False: not now, or never."""
    now = timezone.now()
    due = WebhookEvent.objects.filter(pk=event_pk, next_action_at__lte=now)
    if not due.update(next_action_at=now + LEASE):
        return False
    event = WebhookEvent.objects.select_related(
        "generation__run", "generation__account", "generation__price"
    ).get(pk=event_pk)
    generation = event.generation
    if generation.status != Status.UNKNOWN:
        # An answer that is on its way comes first; any other status needs no webhook.
        _ask_later(event, again=generation.status == Status.SUBMITTING)
        return False
    known = _exists(generation, event.task_id)
    _ask_later(event, again=known is None)
    return bool(known) and adopt(generation, event.task_id)


def look_up(generation_pk: int) -> bool:
    """Ask once more about a task that had not ended at its deadline; True when it has."""
    now = timezone.now()
    due = Generation.objects.filter(
        pk=generation_pk, status=Status.UNKNOWN, next_action_at__lte=now
    ).exclude(task_id="")
    if not due.update(next_action_at=now + _scaled(LOOK_UP_EVERY)):
        return False
    generation = Generation.objects.select_related("run", "account", "price").get(pk=generation_pk)
    ended = _exists(generation, generation.task_id, ended=True)
    return bool(ended) and adopt(generation, generation.task_id)


def first_look_up() -> dict[str, object]:
    """The columns of a generation that reaches its deadline: when to ask about it once more."""
    return {"next_action_at": timezone.now() + _scaled(LOOK_UP_EVERY)}


def adopt(generation: Generation, task_id: str, *, actor: User | None = None) -> bool:
    """Go on with an unknown generation as the task `task_id`, as if its answer had come.

    False where another generation holds the task, or the outcome is no longer unknown. Raises
    KeyError where the engine is not known any more.
    """
    engine = registry.engine(generation.run.engine)
    now = timezone.now()
    deadline = _scaled(timedelta(seconds=engine.capabilities.deadline_seconds))
    try:
        with transaction.atomic():
            return lifecycle.move(
                generation,
                Status.RUNNING,
                expect=[Status.UNKNOWN],
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


def _exists(generation: Generation, task_id: str, *, ended: bool = False) -> bool | None:
    """Whether the provider knows the task under this key (and says that it has ended).

    None where it could not be asked.
    """
    account = generation.account
    if account is None:
        return False
    try:
        adapter = registry.adapter(account.provider, account.slot)
        task = TaskRef(
            task_id=task_id,
            model=registry.engine(generation.run.engine).model,
            urls=generation.task_urls,
            submitted_at=generation.submitted_at,
        )
        answer = adapter.poll(task)
    except TaskFailed:
        return True
    except (Refused, Misconfigured, KeyError):
        return False
    except ProviderError:
        return None
    return not (ended and isinstance(answer, InProgress))


def _ask_later(event: WebhookEvent, *, again: bool) -> None:
    now = timezone.now()
    again = again and now - event.received_at < EVENT_PATIENCE
    event.next_action_at = now + _scaled(ASK_AGAIN) if again else None
    event.save(update_fields=["next_action_at"])


def _scaled(time: timedelta) -> timedelta:
    return time * settings.PROVIDER_TIME_SCALE
