"""Images that may still arrive although their generation counts as failed.

After a failure that the provider may bill, or after an unknown outcome was given up, images are
accepted for another day. A webhook, a look-up, or a task id that an admin gives brings them.
Credits stay as they were settled, so the studio pays.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit, personal_notices
from accounts.events import Event
from accounts.models import User
from generations.jobs import lifecycle
from generations.models import Generation
from generations.providers.errors import ProviderError, ProviderFailed
from generations.states import Status

PATIENCE = timedelta(hours=24)


def columns(error: ProviderError) -> dict[str, Any]:
    """The columns of a generation that may still get images in spite of `error`."""
    if not isinstance(error, ProviderFailed):
        return {}
    return {"may_arrive_until": timezone.now() + PATIENCE}


def is_awaited() -> Q:
    """Generations whose images may still arrive: unknown, or failed less than a day ago."""
    failed = Q(status=Status.FAILED, may_arrive_until__gt=timezone.now())
    return Q(status=Status.UNKNOWN) | failed


@transaction.atomic
def give_up(
    generation: Generation,
    *,
    decision: str,
    charge: int,
    actor: User | None = None,
    reason: str = "",
) -> bool:
    """End a generation whose outcome is unknown; returns False if it no longer is.

    `charge` credits are spent and the rest is returned. `actor` is who decided; None means the
    studio itself. Images that still arrive within a day are delivered.
    """
    now = timezone.now()
    moved = lifecycle.move(
        generation,
        Status.FAILED,
        expect=[Status.UNKNOWN],
        charge=charge,
        actor=actor,
        facts={"provider_may_bill": True},
        changes={
            # A generation that came late and was lost again gets no second day.
            **({} if generation.came_late else {"may_arrive_until": now + PATIENCE}),
            # A known task is looked up for the same time.
            "next_action_at": now if generation.task_id else None,
        },
    )
    if moved:
        record_decision(generation, decision, actor=actor, reason=reason)
    return moved


def record_decision(
    generation: Generation, decision: str, *, actor: User | None, reason: str
) -> None:
    """Record what was decided about `generation`, and tell its author, in one transaction."""
    audit.record(
        Event.GENERATION_DECIDED,
        actor=actor,
        subject=generation,
        story=generation.run.uuid,
        facts={"decision": decision},
        personal={"reason": reason} if reason else None,
    )
    if actor and actor.pk != generation.run.user_id:
        personal_notices.tell(
            generation.run.user_id,
            personal_notices.Kind.OUTCOME_DECIDED,
            cause=f"{generation.uuid} {decision}",
            facts={"decision": decision},
        )
