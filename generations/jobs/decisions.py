"""Decisions of admins about generations whose outcome is unknown, and about missed images.

For an unknown outcome an admin gives the task id that the provider's console shows, accepts the
charge, or releases the credits. Each decision is recorded with its reason. If the provider may have
made the images, a task id may still be given for a day after the end.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations import storage
from generations.jobs import hints
from generations.jobs.execution import adopting, late
from generations.models import Delivery, Generation
from generations.providers import registry
from generations.states import Status


class DecisionRefused(Exception):
    """The decision can't be taken; the message says why."""


def give_task_id(generation: Generation, task_id: str, *, actor: User, reason: str) -> None:
    """Poll the task `task_id`, as if the provider had answered the submit with it.

    Raises DecisionRefused if the engine gives no task, if another generation has this task id, or
    if no images of this generation are awaited any more.
    """
    if generation.run.engine not in registry.engines():
        raise DecisionRefused(
            _("The studio has no key for this engine's provider, so it can't look up the task.")
        )
    if registry.engine(generation.run.engine).capabilities.answers_at_once:
        raise DecisionRefused(_("This engine gives no task ids, so there is nothing to look up."))
    others = Generation.objects.filter(account=generation.account, task_id=task_id)
    if others.exclude(pk=generation.pk).exists():
        raise DecisionRefused(_("Another generation has this task id."))
    with transaction.atomic():
        # The task id that an admin found replaces the stored one, with its links.
        Generation.objects.filter(late.is_awaited(), pk=generation.pk).update(
            task_id="", task_urls={}
        )
        if not adopting.adopt(generation, task_id, actor=actor):
            raise DecisionRefused(_("No images of this generation are awaited any more."))
        late.record_decision(generation, "task_id", actor=actor, reason=reason)


def accept_charge(generation: Generation, *, actor: User, reason: str) -> None:
    """Spend the reserved credits. An image that still arrives within a day is delivered.

    Raises DecisionRefused if the outcome is no longer unknown.
    """
    charge = generation.reserved_credits
    _end(generation, "accept_charge", charge=charge, actor=actor, reason=reason)


def release(generation: Generation, *, actor: User, reason: str) -> None:
    """Return the reserved credits; the company pays what the provider bills.

    An image that still arrives within a day is delivered and not charged. Raises DecisionRefused if
    the outcome is no longer unknown.
    """
    _end(generation, "release", charge=0, actor=actor, reason=reason)


def can_be_decided(generation: Generation) -> bool:
    """Whether the outcome is unknown, or a task id may still be given after the end."""
    if generation.status == Status.UNKNOWN:
        return True
    engine = registry.known_engines().get(generation.run.engine)
    if engine is None or engine.capabilities.answers_at_once:
        return False
    return Generation.objects.filter(late.is_awaited(), pk=generation.pk).exists()


def fetch_again(generation: Generation, *, actor: User) -> int:
    """Try again to deliver the missed images; returns how many are tried.

    An image is tried again if its link has not expired, or if its file is in storage. The person is
    charged nothing more: images that arrive count as delivered, but credits stay as they were
    settled.
    """
    missed = generation.deliveries.filter(status=Delivery.Status.FAILED)
    again = [delivery.pk for delivery in missed if _can_be_tried(delivery)]
    with transaction.atomic():
        missed.filter(pk__in=again).update(
            status=Delivery.Status.PENDING,
            tries=0,
            accidents=0,
            next_action_at=timezone.now(),
            error_code="",
        )
        if again:
            hints.hint(hints.FETCH)
            audit.record(
                Event.IMAGE_FETCH_ASKED,
                actor=actor,
                subject=generation,
                story=generation.run.uuid,
                facts={"images": len(again)},
            )
    return len(again)


def _can_be_tried(delivery: Delivery) -> bool:
    alive = delivery.expires_at is None or delivery.expires_at > timezone.now()
    if not delivery.original_name:  # it was erased
        return False
    return bool(delivery.url and alive) or storage.has_original(delivery.original_name)


def _end(generation: Generation, decision: str, *, charge: int, actor: User, reason: str) -> None:
    if not late.give_up(generation, decision=decision, charge=charge, actor=actor, reason=reason):
        raise DecisionRefused(_("The outcome of this generation is no longer unknown."))
