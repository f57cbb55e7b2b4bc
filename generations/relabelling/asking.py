"""Asking that images are labelled again, and stopping that."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations.models import Image, Relabelling, Rendition
from generations.relabelling import choosing, troubles
from generations.relabelling.choosing import Choice

Status, Why = Relabelling.Status, Relabelling.Why
# A damaged file of an image that could not be made again is not tried again sooner.
REMADE_AGAIN = timedelta(hours=1)


class AlreadyAsked(Exception):
    """The same is being labelled again already."""


@dataclass(frozen=True)
class Preview:
    """How many images would be labelled again, and how many files and bytes they have now."""

    images: int
    files: int


def preview(choice: Choice) -> Preview:
    """What an order would do now. Reads all rows that it chooses."""
    chosen = choosing.images(choice)
    files = Rendition.objects.filter(image__in=chosen.order_by().values("pk"))
    return Preview(chosen.count(), files.count())


def ask(choice: Choice, *, actor: User | None, why: str = Why.ASKED) -> Relabelling:
    """Order new labels, which a worker makes. Raises AlreadyAsked."""
    chosen = choosing.images(choice)
    total, newest = chosen.count(), chosen.aggregate(newest=Max("pk"))["newest"] or 0
    try:
        with transaction.atomic():
            order = Relabelling.objects.create(
                scope=choice.scope,
                subject=choice.subject.uuid,
                only=choice.only,
                certificate=choice.certificate,
                why=why,
                asked_by=actor,
                newest=newest,
                total=total,
                next_action_at=timezone.now(),
            )
            facts = {
                "scope": str(choice.scope),
                "only": str(choice.only),
                "certificate": choice.certificate,
                "why": str(why),
                "images": total,
            }
            record(Event.RELABELLING_ASKED, order, choice, actor=actor, **facts)
    except IntegrityError as error:
        raise AlreadyAsked from error
    return order


def remake(image: Image, *, why: str) -> bool:
    """Order that the files of an image are made again, because one was damaged or lost.

    Does nothing, and returns False, if that was ordered within the last hour: whoever asks for the
    file again and again must cause no more than one try.
    """
    lately = timezone.now() - REMADE_AGAIN
    before = Relabelling.objects.filter(subject=image.uuid, asked_at__gt=lately)
    if image.erased_at or before.exclude(why=Why.ASKED).exists():
        return False
    try:
        ask(Choice(Relabelling.Scope.IMAGE, image), actor=None, why=why)
    except AlreadyAsked:
        return False
    return True


def stop(order: Relabelling, *, actor: User) -> bool:
    """Stop an order, after the image in hand. Returns False if it is not at work."""
    with transaction.atomic():
        rows = Relabelling.objects.filter(pk=order.pk, status=Status.WORKING)
        if not rows.update(status=Status.STOPPED, trouble=troubles.BY_PERSON):
            return False
        record_stop(order, troubles.BY_PERSON, actor=actor)
    return True


def resume(order: Relabelling, *, actor: User) -> bool:
    """Let a stopped order go on. Returns False if it is not stopped, or another one does it."""
    now = timezone.now()
    try:
        with transaction.atomic():
            rows = Relabelling.objects.filter(pk=order.pk, status=Status.STOPPED)
            again = {"status": Status.WORKING, "trouble": "", "tries": 0}
            if not rows.update(**again, next_action_at=now, moved_at=now):
                return False
            record(Event.RELABELLING_RESUMED, order, choosing.choice_of(order), actor=actor)
    except IntegrityError:
        return False
    return True


def record_stop(order: Relabelling, why: str, *, actor: User | None) -> None:
    """Record that an order was stopped. Within the transaction that stops it."""
    choice = choosing.choice_of(order)
    record(Event.RELABELLING_STOPPED, order, choice, actor=actor, why=why, **counts(order))


def counts(order: Relabelling) -> dict[str, int]:
    """How far an order has come, as its row says now."""
    rows = Relabelling.objects.filter(pk=order.pk)
    found = rows.get()
    return {"done": found.done, "unchanged": found.unchanged, "left_out": found.left_out}


def record(
    event: Event,
    order: Relabelling,
    choice: Choice | None,
    *,
    actor: User | None = None,
    **facts: object,
) -> None:
    """Write a record about an order; its subject is what is labelled, if that still exists."""
    image = choice.subject if choice and isinstance(choice.subject, Image) else None
    audit.record(
        event,
        actor=actor,
        subject=choice.subject if choice else order,
        story=image.run.uuid if image else None,
        facts={"relabelling": str(order.uuid), **facts},
    )
