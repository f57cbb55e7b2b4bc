"""Images that people have picked: starred, rated, tagged or hidden.

These are few, so they are read from the newest on, and what else was chosen is tested on them. A
search that tests many images in vain stops: its page says so, and its cursor leads on.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import keyset
from accounts.identifiers import uuid_of, uuid_to_look_up
from accounts.models import User
from accounts.search import read_query
from generations.gallery_filters import Filter, period_of
from generations.models import Image, Mark, Tag, TagOfImage
from generations.models.prompt_index import PROMPTS
from generations.reading.search import COLUMNS, Searched, labels_of, pk_of

# How many images are tested at once, and how often.
BATCH, MOST_BATCHES = 500, 4


def picked(user: User, chosen: Filter, *, cursor: str, size: int) -> Searched:
    """As `search.search`, for a filter of which `is_picked`."""
    rows = _source(user, chosen)
    if rows is None:
        return Searched([])
    found: list[Any] = []
    last = _image(user, cursor)
    for _number in range(MOST_BATCHES):
        keys = _next(rows, after=last, in_bin=bool(chosen.hidden))
        found += _fitting(user, chosen, keys)
        if len(found) > size:
            return Searched(found[:size], str(found[size - 1].uuid))
        if len(keys) < BATCH:
            return Searched(found)
        last = Image.objects.get(pk=keys[-1])
    return Searched(found, str(last.uuid) if last else "", _("Older images are not searched yet."))


def around(user: User, chosen: Filter, image: Image) -> tuple[UUID | None, UUID | None]:
    """The identifiers of the images before and after `image`, as `search.around`."""
    following = picked(user, chosen, cursor=str(image.uuid), size=1).images
    return _before(user, chosen, image), following[0].uuid if following else None


def _before(user: User, chosen: Filter, image: Image) -> UUID | None:
    rows = _source(user, chosen)
    if rows is None or chosen.hidden:
        return None
    newer = rows.order_by("image").values_list("image", flat=True)
    last = image.pk
    for _number in range(MOST_BATCHES):
        keys = list(newer.filter(image__gt=last)[:BATCH])
        if found := _fitting(user, chosen, keys):
            return found[0].uuid
        if len(keys) < BATCH:
            break
        last = keys[-1]
    return None


def _source(user: User, chosen: Filter) -> QuerySet[Any] | None:
    """The rows by which people picked images; None if the tag does not exist."""
    if chosen.hidden:
        return Image.objects.in_bin(user)
    if chosen.starred:
        return Mark.objects.filter(user=user, is_starred=True)
    if chosen.rating:
        return Mark.objects.filter(user=user, rating__gt=0)
    tag = pk_of(Tag.objects.visible_to(user), chosen.tag)
    return None if tag is None else TagOfImage.objects.filter(tag=tag)


def _next(rows: QuerySet[Any], *, after: Image | None, in_bin: bool) -> list[int]:
    """The keys of the next images: in the bin those hidden last first, else the newest first."""
    if in_bin:
        if after and after.hidden_at:
            rows = keyset.older(rows, keyset.Place(after.hidden_at, after.pk), time="hidden_at")
        return list(rows.order_by("-hidden_at", "-id").values_list("pk", flat=True)[:BATCH])
    if after:
        rows = rows.filter(image__lt=after.pk)
    return list(rows.order_by("-image").values_list("image", flat=True)[:BATCH])


def _fitting(user: User, chosen: Filter, keys: Sequence[int]) -> list[Any]:
    """The `COLUMNS` of those of the images with these keys that fit, in their order."""
    rows = Image.objects.among(keys, user).filter(**period_of(user, chosen).conditions)
    rows = rows.filter(hidden_at__isnull=not chosen.hidden)
    of_user = Mark.objects.filter(user=user, image__in=keys)
    if chosen.starred:
        rows = rows.filter(pk__in=of_user.filter(is_starred=True).values("image"))
    if chosen.rating:
        rows = rows.filter(pk__in=of_user.filter(rating__gte=int(chosen.rating)).values("image"))
    if chosen.tag:
        tags = Tag.objects.visible_to(user).filter(uuid=uuid_to_look_up(chosen.tag))
        rows = rows.filter(pk__in=TagOfImage.objects.filter(tag__in=tags).values("image"))
    images = {image.id: image for image in rows.values_list(*COLUMNS, named=True)}
    found = [images[key] for key in keys if key in images]
    return _of_matching_runs(user, chosen, found) if chosen.is_indexed else found


def _of_matching_runs(user: User, chosen: Filter, images: Sequence[Any]) -> list[Any]:
    query, labels = read_query(chosen.query), labels_of(user, chosen)
    if labels is None or (chosen.query and not query.words):
        return []
    runs = sorted({image.run_id for image in images})
    matching = PROMPTS.matching(runs, query, team=user.team_id, labels=labels)
    return [image for image in images if image.run_id in matching]


def _image(user: User, cursor: str) -> Image | None:
    uuid = uuid_of(cursor)
    return Image.objects.filter(team_id=user.team_id, uuid=uuid).first() if uuid else None
