"""The images that an act is about, and the record of the act."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from accounts import audit
from accounts.audit.vocabulary.kinds import MOST_ITEMS
from accounts.events import Event
from accounts.models import User
from generations import live
from generations.models import Image

MOST = 5000


def visible(user: User, keys: Sequence[int]) -> QuerySet[Image]:
    """Those of the images with these keys that `user` may see now, locked until the commit."""
    rows = Image.objects.among(keys[:MOST], user).filter(hidden_at__isnull=True)
    return rows.order_by("pk").select_for_update(of=("self",))


def record(
    event: Event,
    images: Sequence[Image],
    *,
    actor: User,
    facts: dict[str, Any] | None = None,
    personal: dict[str, Any] | None = None,
) -> None:
    """Record an act on images: once for every 1,000 of them, with their identifiers.

    An act on a single image stands in the story of its run.
    """
    for start in range(0, len(images), MOST_ITEMS):
        part = images[start : start + MOST_ITEMS]
        about = part[0] if len(images) == 1 else actor.team
        audit.record(
            event,
            actor=actor,
            subject=about,
            story=part[0].run.uuid if len(images) == 1 else None,
            facts={"images": len(part), "chosen": [str(each.uuid) for each in part]}
            | (facts or {}),
            personal=personal,
        )


def show_again(images: Sequence[Image]) -> None:
    """Have the feeds of the people who made the images drawn anew."""
    for person in {image.run.user_id for image in images}:
        live.bump(person)
