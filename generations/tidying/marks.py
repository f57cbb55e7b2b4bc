"""A person's own stars and ratings. They are nobody else's business, so they are not recorded."""

from collections.abc import Sequence

from django.db import transaction

from accounts.models import User
from generations.models import Mark
from generations.models.mark import MOST_STARS
from generations.tidying import chosen


def star(user: User, keys: Sequence[int], *, on: bool = True) -> int:
    """Star images, or take the star away; returns how many images it was about."""
    return _note(user, keys, is_starred=on)


def rate(user: User, keys: Sequence[int], stars: int) -> int:
    """Give images 1 to 5 stars, or 0 for no rating; returns how many images it was about."""
    return _note(user, keys, rating=max(0, min(stars, MOST_STARS)))


@transaction.atomic
def _note(user: User, keys: Sequence[int], **values: int) -> int:
    images = list(chosen.visible(user, keys))
    Mark.objects.bulk_create(
        (Mark(user=user, image=image, **values) for image in images),
        update_conflicts=True,
        unique_fields=["image", "user"],
        update_fields=list(values),
        batch_size=1000,
    )
    return len(images)
