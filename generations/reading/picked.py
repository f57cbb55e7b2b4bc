"""Images that people have picked: starred, rated, tagged or hidden.

These are few, so they are read from the newest on, and what else was chosen is tested on them. A
search that tests many images in vain stops: its page says so, and its cursor leads on.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts import keyset
from accounts.identifiers import uuid_to_look_up
from accounts.models import User
from accounts.search import read_query
from generations.gallery_filters import Filter, period_of
from generations.models import Image, Mark, Tag, TagOfImage
from generations.models.prompt_index import PROMPTS
from generations.reading.search import COLUMNS, Searched, labels_of, pk_of

# How many images are tested at once, and how often. A first batch has no more than a page needs.
BATCH, MOST_BATCHES = 512, 3
FIRST_BATCH = 8  # on the way to a neighbour


class _Row(NamedTuple):
    """An image that somebody picked; `fits` leaves out what only the index of runs knows."""

    key: int
    run: int
    hidden_at: datetime | None
    fits: bool = True


def picked(
    user: User, chosen: Filter, *, cursor: str, size: int, columns: Sequence[str] = COLUMNS
) -> Searched:
    """As `search.search`, for a filter of which `is_picked`."""
    source = _source(user, chosen)
    if source is None:
        return Searched([])
    found: list[int] = []
    last, batch = _named(user, cursor), min(size + 1, BATCH)
    for _number in range(MOST_BATCHES):
        rows = _older(user, chosen, source, last, batch)
        found += _fitting(user, chosen, rows)
        if len(found) > size:
            images = _loaded(found[:size], columns)
            return Searched(images, _uuid_of(found[size - 1]))
        if len(rows) < batch:
            return Searched(_loaded(found, columns))
        last, batch = rows[-1], BATCH
    stopped = _("Older images are not searched yet.")
    return Searched(_loaded(found, columns), _uuid_of(rows[-1].key), stopped)


def around(user: User, chosen: Filter, image: Image) -> tuple[UUID | None, UUID | None]:
    """The identifiers of the images before and after `image`, as `search.around`."""
    following = picked(user, chosen, cursor=str(image.uuid), size=1, columns=("id", "uuid")).images
    return _before(user, chosen, image), following[0].uuid if following else None


def _before(user: User, chosen: Filter, image: Image) -> UUID | None:
    source = _source(user, chosen)
    if source is None or chosen.hidden:
        return None
    last, batch = image.pk, FIRST_BATCH
    for _number in range(MOST_BATCHES):
        keys = source.filter(image__gt=last).order_by("image_id").values("image")[:batch]
        rows = sorted(_rows(user, chosen, keys))
        if found := _fitting(user, chosen, rows):
            return UUID(_uuid_of(found[0]))
        if len(rows) < batch:
            break
        last, batch = rows[-1].key, BATCH
    return None


def _source(user: User, chosen: Filter) -> QuerySet[Any] | None:
    """The rows by which people picked images; None if the tag does not exist."""
    tag = _tag_of(user, chosen) if chosen.tag else None
    if chosen.tag and tag is None:
        return None
    if chosen.hidden:
        return Image.objects.in_bin(user)
    if chosen.starred:
        return Mark.objects.filter(user=user, is_starred=True)
    if chosen.rating:
        return Mark.objects.filter(user=user, rating__gt=0)
    return TagOfImage.objects.filter(tag=tag)


def _tag_of(user: User, chosen: Filter) -> int | None:
    return pk_of(Tag.objects.visible_to(user), chosen.tag)


def _rows(user: User, chosen: Filter, keys: QuerySet[Any, Any]) -> list[_Row]:
    """The images of a batch, with what is tested of each, in no order.

    `keys` is a query with a limit, which is part of this one: a list of keys sent back would cost
    more than the test, and a join would read from the newest image down to those of the batch.
    """
    known: dict[str, Any] = {"team_id": user.team_id, "erased_at__isnull": True}
    fits = Q(**known, hidden_at__isnull=not chosen.hidden, **period_of(user, chosen).conditions)
    of_image = Mark.objects.filter(user=user, image=OuterRef("pk"))
    if chosen.starred and chosen.hidden:  # else the batch has only starred ones
        fits &= Q(Exists(of_image.filter(is_starred=True)))
    if chosen.rating:
        fits &= Q(Exists(of_image.filter(rating__gte=int(chosen.rating))))
    if chosen.tag and (chosen.hidden or chosen.starred or chosen.rating):
        tagged = TagOfImage.objects.filter(tag=_tag_of(user, chosen), image=OuterRef("pk"))
        fits &= Q(Exists(tagged))
    images = Image.objects.filter(pk__in=keys).order_by()
    tested = ExpressionWrapper(fits, output_field=BooleanField())
    return [_Row(*row) for row in images.values_list("pk", "run_id", "hidden_at", tested)]


def _older(
    user: User, chosen: Filter, source: QuerySet[Any], last: _Row | None, count: int
) -> list[_Row]:
    """The next images: in the bin those hidden last first, else the newest first."""
    if not chosen.hidden:
        source = source.filter(image__lt=last.key) if last else source
        keys = source.order_by("-image_id").values("image")[:count]
        return sorted(_rows(user, chosen, keys), reverse=True)
    # An image that was restored meanwhile has no place in the bin, which then begins anew.
    if last and last.hidden_at:
        place = keyset.Place(last.hidden_at, last.key)
        source = keyset.older(source, place, time="hidden_at")
    keys = source.order_by("-hidden_at", "-id").values("pk")[:count]
    found = [row for row in _rows(user, chosen, keys) if row.hidden_at]
    return sorted(found, key=lambda row: (row.hidden_at, row.key), reverse=True)


def _fitting(user: User, chosen: Filter, rows: Sequence[_Row]) -> list[int]:
    """The keys of those of the images that fit, in their order."""
    fitting = [row for row in rows if row.fits]
    if chosen.is_indexed:
        matching = _matching(user, chosen, {row.run for row in fitting})
        fitting = [row for row in fitting if row.run in matching]
    return [row.key for row in fitting]


def _matching(user: User, chosen: Filter, runs: Collection[int]) -> set[int]:
    query, labels = read_query(chosen.query), labels_of(user, chosen)
    if labels is None or (chosen.query and not query.words):
        return set()
    return PROMPTS.matching(sorted(runs), query, team=user.team_id, labels=labels)


def _loaded(keys: Sequence[int], columns: Sequence[str]) -> list[Any]:
    """The `columns` of the images with these keys, in their order."""
    rows = Image.objects.filter(pk__in=keys).values_list(*columns, named=True)
    images = {image.id: image for image in rows}
    return [images[key] for key in keys if key in images]


def _named(user: User, cursor: str) -> _Row | None:
    """The image that a cursor names, if the user's team has it."""
    images = Image.objects.filter(team_id=user.team_id, uuid=uuid_to_look_up(cursor))
    found = images.values_list("pk", "run_id", "hidden_at").first() if cursor else None
    return _Row(*found) if found else None


def _uuid_of(key: int) -> str:
    return str(Image.objects.values_list("uuid", flat=True).get(pk=key))
