"""The bin: hidden images, which the team can restore for 30 days.

Nothing is deleted. Later they are gone from the bin, but records, files and the pages of reviewers
stay. Only `generations.erasing` removes anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.events import Event
from accounts.models import User
from generations.models import Image
from generations.tidying import chosen


@dataclass(frozen=True)
class Hidden:
    """How many images were hidden, and when: `restore_of` takes that time."""

    count: int
    at: datetime


@transaction.atomic
def hide(user: User, keys: Sequence[int]) -> Hidden:
    """Put images into the bin. Those that are there already stay as they are."""
    now = timezone.now()
    images = list(chosen.visible(user, keys).select_related("run"))
    Image.objects.filter(pk__in=[image.pk for image in images]).update(hidden_at=now)
    chosen.record(Event.IMAGES_HIDDEN, images, actor=user)
    chosen.show_again(images)
    return Hidden(len(images), now)


def restore(user: User, keys: Sequence[int]) -> int:
    """Take images out of the bin; returns how many."""
    return _restore(user, pk__in=keys[: chosen.MOST])


def restore_of(user: User, at: datetime) -> int:
    """Take out of the bin what was hidden at this moment; returns how many."""
    return _restore(user, hidden_at=at)


@transaction.atomic
def _restore(user: User, **which: object) -> int:
    rows = Image.objects.in_bin(user).filter(**which).order_by("pk")
    images = list(rows.select_for_update(of=("self",)).select_related("run")[: chosen.MOST])
    Image.objects.filter(pk__in=[image.pk for image in images]).update(hidden_at=None)
    chosen.record(Event.IMAGES_RESTORED, images, actor=user)
    chosen.show_again(images)
    return len(images)
