"""Deciding on a generation whose outcome the provider never told.

Three ways, each recorded with its reason: give the task id that was found in the provider's own
console, accept the charge, or release the credits.
"""

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations import hints, lifecycle
from generations.execution import adopting
from generations.models import Delivery, Generation
from generations.providers import registry
from generations.states import Status


class DecisionRefused(Exception):
    """The decision cannot be taken; the message says why."""


def give_task_id(generation: Generation, task_id: str, *, actor: User, reason: str) -> None:
    """The provider did take it: poll this task, as if its answer had come."""
    if generation.run.engine not in registry.engines():
        raise DecisionRefused(_("The engine's provider has no key here, so nothing can be polled."))
    if registry.engine(generation.run.engine).capabilities.answers_at_once:
        raise DecisionRefused(_("This engine gives no task that could be asked about."))
    others = Generation.objects.filter(account=generation.account, task_id=task_id)
    if others.exclude(pk=generation.pk).exists():
        raise DecisionRefused(_("Another generation has this task id."))
    with transaction.atomic():
        # What was found by hand goes before what stood there, links included.
        undecided = Generation.objects.filter(pk=generation.pk, status=Status.UNKNOWN)
        undecided.update(task_id="", task_urls={})
        if not adopting.adopt(generation, task_id, actor=actor):
            raise DecisionRefused(_("The outcome of this generation is no longer unknown."))
        _record(generation, "task_id", actor=actor, reason=reason)


@transaction.atomic
def accept_charge(generation: Generation, *, actor: User, reason: str) -> None:
    """No picture came and the credits count as spent."""
    _move(generation, Status.FAILED, actor=actor, charge=generation.reserved_credits)
    _record(generation, "accept_charge", actor=actor, reason=reason)


@transaction.atomic
def release(generation: Generation, *, actor: User, reason: str) -> None:
    """No picture came and the credits go back; what the provider bills is the company's."""
    _move(generation, Status.FAILED, actor=actor, charge=0)
    _record(generation, "release", actor=actor, reason=reason)


@transaction.atomic
def fetch_again(generation: Generation, *, actor: User) -> int:
    """Fetch once more what could not be fetched, free to the person; gives how many pictures.

    Only links that are still alive are of use. What arrives counts as delivered; the credits were
    settled when the generation ended and stay as they are.
    """
    now = timezone.now()
    missed = generation.deliveries.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now), status=Delivery.Status.FAILED
    ).exclude(url="")
    again = list(missed.values_list("pk", flat=True))
    missed.update(status=Delivery.Status.PENDING, tries=0, next_action_at=now, error_code="")
    for pk in again:
        hints.hint(hints.FETCH, pk)
    if again:
        audit.record(
            Event.IMAGE_FETCH_ASKED,
            actor=actor,
            subject=generation,
            story=generation.run.uuid,
            facts={"images": len(again)},
        )
    return len(again)


def _move(
    generation: Generation,
    target: Status,
    *,
    actor: User,
    charge: int | None = None,
) -> None:
    unknown = [Status.UNKNOWN]
    if not lifecycle.move(generation, target, expect=unknown, charge=charge, actor=actor):
        raise DecisionRefused(_("The outcome of this generation is no longer unknown."))


def _record(generation: Generation, decision: str, *, actor: User, reason: str) -> None:
    audit.record(
        Event.GENERATION_DECIDED,
        actor=actor,
        subject=generation,
        story=generation.run.uuid,
        facts={"decision": decision},
        personal={"reason": reason} if reason else None,
    )
