"""The gallery: a team's images, newest first, or those that match a search."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from accounts import keyset
from accounts.access import may_make
from accounts.models import User
from generations.label_chips import WORDS, chip
from generations.labelling import PREVIEW
from generations.models import Campaign, Image, Rendition
from generations.paths import download_path, image_path, rendition_path, reuse_path
from generations.reading import drawing
from generations.reading.drawing import ShownImage
from generations.reading.frames import ALT_LENGTH, alt_text, shortened
from generations.reading.search import COLUMNS, Filter, search
from generations.reading.shapes import shape_of

PAGE_SIZE = 48
EVERYTHING = Filter()
# Of the smallest file: how its image was made, address, size, and the words of its badge.
PREVIEW_VALUES = ("image__source_type", "uuid", "format", "width", "height", WORDS)
_Preview = tuple[str, UUID, str, int, int, str | None]
# What a card is made of: image, run to reuse if there is one, prompt, the image's size, preview.
_Shown = tuple[UUID, UUID | None, str, tuple[int, int], _Preview]


@dataclass(frozen=True)
class Card:
    """One image of the gallery, and its HTML."""

    frame: ShownImage
    drawn: SafeString


@dataclass(frozen=True)
class GalleryPage:
    """Images, newest first. `next_cursor` leads to older ones and is empty if there are none.

    If a search stopped before it had filled the page, `stopped` says how far it got. `authors` are
    the keys of the people whose prompts it shows.
    """

    cards: list[Card]
    next_cursor: str
    stopped: str = ""
    authors: frozenset[int] = frozenset()


def page(user: User, *, cursor: str = "", chosen: Filter = EVERYTHING) -> GalleryPage:
    """The newest images of the user's team that match `chosen`, or those older than `cursor`."""
    if chosen.as_query:
        found = search(user, chosen, cursor=cursor, size=PAGE_SIZE)
        return _page(found.images, user, found.next_cursor, found.stopped)
    newest = keyset.page(
        Image.objects.visible_to(user).values_list(*COLUMNS, named=True),
        cursor=cursor,
        anchors=Image.objects.filter(team_id=user.team_id),
        size=PAGE_SIZE,
    )
    return _page(newest.rows, user, newest.next_cursor)


def cards(images: Sequence[Any], *, viewer: User) -> list[Card]:
    """The images, given as `COLUMNS`, as cards. Images without a preview are left out."""
    reusable, around = may_make(viewer), drawing.surroundings()
    keys = [image.id for image in images]
    rows = Rendition.objects.filter(image__in=keys, recipe=PREVIEW.name)
    previews = {key: tuple(values) for key, *values in rows.values_list("image", *PREVIEW_VALUES)}
    return [
        _drawn_card(_shown(image, previews[image.id], reusable=reusable), around)
        for image in images
        if image.id in previews
    ]


def campaigns_of(user: User) -> QuerySet[Campaign]:
    return Campaign.objects.visible_to(user)


def people_of(user: User) -> QuerySet[User]:
    """Everyone in the user's team, including people who have made no image."""
    people = User.objects.filter(team_id=user.team_id).order_by("name", "email")
    return people.only("uuid", "name", "email")


def _page(images: Sequence[Any], user: User, cursor: str, stopped: str = "") -> GalleryPage:
    authors = frozenset(image.run__user for image in images)
    return GalleryPage(cards(images, viewer=user), cursor, stopped, authors)


def _shown(image: Any, preview: _Preview, *, reusable: bool) -> _Shown:
    reused = image.run__uuid if reusable else None
    prompt = shortened(image.run__prompt, ALT_LENGTH)
    return image.uuid, reused, prompt, (image.width, image.height), preview


@lru_cache(maxsize=drawing.MOST_KEPT)
def _drawn_card(shown: _Shown, around: tuple[object, ...]) -> Card:
    image, reused, prompt, size, file = shown
    source, preview, preview_format, width, height, words = file
    frame = ShownImage(
        id=f"image-{image}",
        href=image_path(image),
        src=rendition_path(preview, preview_format),
        alt=alt_text(prompt, source),
        chip=chip(words),
        download=download_path(image),
        reuse=reuse_path(reused) if reused else "",
        width=width,
        height=height,
        shape=shape_of(*size),
    )
    return Card(frame, drawing.images([frame]))
