"""Cancel a waiting request at once, and a sent one if the provider can."""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations import live
from generations.jobs import lifecycle
from generations.models import Generation
from generations.providers import registry
from generations.states import Status


def cancel(generation: Generation, *, actor: User) -> bool:
    """Cancel a generation, or ask its provider to. Returns False if neither is possible."""
    if lifecycle.move(generation, Status.CANCELLED, expect=[Status.QUEUED], actor=actor):
        return True
    if not can_cancel(generation):
        return False
    with transaction.atomic():
        asked = Generation.objects.filter(
            pk=generation.pk,
            status__in=(Status.SUBMITTING, Status.RUNNING),
            cancel_asked_at__isnull=True,
        ).update(cancel_asked_at=timezone.now())
        if not asked:
            return False
        running = Generation.objects.filter(pk=generation.pk, status=Status.RUNNING)
        running.update(next_action_at=timezone.now())
        story = generation.run.uuid
        audit.record(Event.GENERATION_CANCEL_ASKED, actor=actor, subject=generation, story=story)
        live.bump(generation.run.user_id)
    return True


def can_cancel(generation: Generation) -> bool:
    """Whether to offer a cancel button for this generation now."""
    if generation.status == Status.QUEUED:
        return True
    engine = registry.engines().get(generation.run.engine)
    sent = generation.status in (Status.SUBMITTING, Status.RUNNING)
    return bool(sent and engine and engine.capabilities.can_cancel)
