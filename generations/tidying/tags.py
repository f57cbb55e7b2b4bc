"""Tags of a team. A tag that no image has any more is gone."""

from collections.abc import Sequence

from django.db import transaction

from accounts.events import Event
from accounts.models import User
from generations.models import Image, Tag, TagOfImage
from generations.tidying import chosen

MOST_TAGS = 200  # of a team


class TooManyTags(Exception):
    """The team has `MOST_TAGS` tags already."""


@transaction.atomic
def tag(user: User, keys: Sequence[int], name: str) -> int:
    """Give images a tag, which is made if it is new; returns how many did not have it.

    Raises TooManyTags.
    """
    images = list(chosen.visible(user, keys).select_related("run"))
    found = Tag.objects.visible_to(user).filter(name__iexact=name).first()
    if images and found is None:
        if Tag.objects.visible_to(user).count() >= MOST_TAGS:
            raise TooManyTags
        found, _made = Tag.objects.get_or_create(
            team=user.team, name=name, defaults={"created_by": user}
        )
    had = set(
        TagOfImage.objects.filter(tag=found, image__in=images).values_list("image", flat=True)
    )
    new = [image for image in images if image.pk not in had]
    TagOfImage.objects.bulk_create(
        (TagOfImage(tag=found, image=image) for image in new),
        ignore_conflicts=True,
        batch_size=1000,
    )
    if found:
        _record(Event.IMAGES_TAGGED, user, found, new)
    return len(new)


@transaction.atomic
def untag(user: User, keys: Sequence[int], found: Tag) -> int:
    """Take a tag from images; returns how many had it."""
    shown = list(chosen.visible(user, keys).select_related("run"))
    had = _having(found, shown)
    images = [image for image in shown if image.pk in had]
    of_tag = TagOfImage.objects.filter(tag=found)
    of_tag.filter(image__in=images).delete()
    _record(Event.IMAGES_UNTAGGED, user, found, images)
    if not of_tag.exists():
        found.delete()
    return len(images)


def _having(found: Tag | None, images: Sequence[Image]) -> set[int]:
    rows = TagOfImage.objects.filter(tag=found, image__in=images)
    return set(rows.values_list("image", flat=True))


def _record(event: Event, user: User, found: Tag, images: Sequence[Image]) -> None:
    facts, personal = {"tag": str(found.uuid)}, {"name": found.name}
    chosen.record(event, images, actor=user, facts=facts, personal=personal)
