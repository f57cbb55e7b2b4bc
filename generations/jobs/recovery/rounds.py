"""One round of recovery: its steps, in their order."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from generations import storage
from generations.jobs import heartbeat
from generations.jobs.execution import delivering, preparing
from generations.jobs.execution.delivering import UNFINISHED
from generations.jobs.recovery import claims, outcomes
from generations.jobs.recovery.rows import Turn, each, logged, with_run
from generations.models import (
    Conversion,
    Delivery,
    Export,
    Generation,
    Reference,
    Relabelling,
    Run,
    WebhookEvent,
)
from generations.states import OPEN, Status

# More than any engine waits between two reads of a task.
LONGEST_POLL = timedelta(minutes=10)


def recover(*, believe_silence: bool = True, turn: Turn = lambda: None) -> dict[str, int]:
    """Do one round; returns how many rows each step changed. `turn` is called between two rows.

    Without `believe_silence`, workers that are merely silent keep their claims. Use this after an
    outage of the database, in which no worker could beat.
    """
    heartbeat.delete_dead(believe_silence=believe_silence)
    steps = {
        "named": _name_people,
        "submits": claims.recover_submits,
        "polls": claims.free_polls,
        "deliveries": claims.free_deliveries,
        "early": _pull_forward,
        "references": claims.free_references,
        "exports": claims.free_exports,
        "relabellings": claims.free_relabellings,
        "prepared": _settle_prepared,
        "cancelled": outcomes.cancel_for_inactive,
        "given_up": outcomes.give_up_lost,
        "released": outcomes.release_unknown,
        "finished": _finish_stored,
        "swept": _sweep,
    }
    return {name: _done(step, turn) for name, step in steps.items()}


def _done(step: Callable[[Turn], int], turn: Turn) -> int:
    """How many rows `step` changed. A step that raises does not stop the next."""
    with logged("a step of recovery broke off; the next round tries again"):
        return step(turn)
    return 0


def _name_people(turn: Turn) -> int:
    """Set the person of queued rows that a web process of an older version made without one."""
    nameless = Generation.objects.filter(status=Status.QUEUED, user__isnull=True)
    person = Run.objects.filter(pk=OuterRef("run")).values("user")
    return nameless.update(user=Subquery(person))


def _pull_forward(turn: Turn) -> int:
    """Make rows due that wait longer than any regular wait: a clock may have been set back."""
    now = timezone.now()
    too_late = Q(next_action_at__gt=now + _longest_wait())
    waiting: list[QuerySet[Any]] = [
        *(Generation.objects.filter(status=status) for status in OPEN - {Status.SUBMITTING}),
        *(Delivery.objects.filter(status=status) for status in UNFINISHED),
        Reference.objects.filter(claims.PENDING_REFERENCES),
        Export.objects.filter(state=Export.State.WAITING),
        Relabelling.objects.unfinished(),
        Conversion.objects.filter(state=Conversion.State.WAITING),
        WebhookEvent.objects.all(),
    ]
    return sum(rows.filter(too_late).update(next_action_at=now) for rows in waiting)


def _longest_wait() -> timedelta:
    """The longest regular wait: between two tries of a submit or a fetch, or two polls."""
    retry = settings.PROVIDER_RETRY_SECONDS * settings.PROVIDER_TIME_SCALE
    return max(timedelta(seconds=retry), LONGEST_POLL)


def _settle_prepared(turn: Turn) -> int:
    turn()
    return preparing.settle_waiting()


def _finish_stored(turn: Turn) -> int:
    """End generations whose last image was stored by a worker that died before it ended them."""
    unfinished = Delivery.objects.filter(generation=OuterRef("pk"), status__in=UNFINISHED)
    rows = Generation.objects.filter(~Exists(unfinished), status=Status.STORING)
    return each(delivering.finish, with_run(rows), turn)


def _sweep(turn: Turn) -> int:
    """Remove files that were not written completely."""
    turn()
    return storage.sweep()
