"""The gallery: a team's images, newest first, or those that fit a filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.template import loader
from django.utils.safestring import SafeString

from accounts import keyset
from accounts.access import may_make
from accounts.models import User
from generations.gallery_filters import Filter, period_of
from generations.label_chips import WORDS, chip
from generations.labelling import PREVIEW
from generations.models import Campaign, Image, Mark, Rendition, Tag
from generations.paths import act_path, download_path, image_path, rendition_path, reuse_path
from generations.reading import drawing, picked
from generations.reading.drawing import ShownImage
from generations.reading.frames import ALT_LENGTH, alt_text, shortened
from generations.reading.search import COLUMNS, Searched, search
from generations.reading.shapes import shape_of

PAGE_SIZE = 48
EVERYTHING = Filter()
MARK_VALUES = ("image", "is_starred", "rating")
TEMPLATE = "generations/_gallery_card.html"
# Of the smallest file: how its image was made, address, size, and the words of its badge.
PREVIEW_VALUES = ("image__source_type", "uuid", "format", "width", "height", WORDS)
# The most images that one act can be about.
MOST_CHOSEN = 5000
STEP = 1000
# Searches that find nothing for so long end a list of all that match.
MOST_STEPS = 20
# What is read of each image at least: pages go on from it.
KEYS = ("id", "uuid", "created_at")
_Preview = tuple[str, UUID, str, int, int, str | None]
# What a card is made of: image, run to reuse if there is one, prompt, the image's size, preview,
# and what the viewer has noted on it.
_Shown = tuple[UUID, UUID | None, str, tuple[int, int], _Preview, tuple[bool, int]]
NOTHING_NOTED = (False, 0)
# A phone shows about so many images at once, so these load before the page is laid out.
EARLY = 6


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


@dataclass(frozen=True)
class Fitting:
    """Images that fit a filter, newest first; `is_all` if there are no others."""

    images: list[Any]
    is_all: bool


def page(user: User, *, cursor: str = "", chosen: Filter = EVERYTHING) -> GalleryPage:
    """The newest images of the user's team that fit `chosen`, or those older than `cursor`."""
    found = find(user, chosen, cursor=cursor, size=PAGE_SIZE)
    authors = frozenset(image.run__user for image in found.images)
    drawn = cards(found.images, viewer=user, early=0 if cursor else EARLY)
    return GalleryPage(drawn, found.next_cursor, found.stopped, authors)


def find(
    user: User, chosen: Filter, *, cursor: str, size: int, columns: Sequence[str] = COLUMNS
) -> Searched:
    """The newest `size` images that `user` may see and that fit, or those older than `cursor`.

    `columns` are what is read of each image: `KEYS`, and what else is needed.
    """
    if chosen.is_picked:
        return picked.picked(user, chosen, cursor=cursor, size=size, columns=columns)
    if chosen.is_indexed:
        return search(user, chosen, cursor=cursor, size=size, columns=columns)
    rows = Image.objects.visible_to(user).filter(**period_of(user, chosen).conditions)
    newest = keyset.page(
        rows.values_list(*columns, named=True),
        cursor=cursor,
        anchors=Image.objects.filter(team_id=user.team_id),
        size=size,
    )
    return Searched(newest.rows, newest.next_cursor)


def all_that_fit(user: User, chosen: Filter, *, most: int = MOST_CHOSEN) -> Fitting:
    """The newest images that fit, at most `most`, as `KEYS`; in bounded steps."""
    images: list[Any] = []
    cursor = ""
    for _step in range(MOST_STEPS):
        size = min(STEP, most - len(images))
        found = find(user, chosen, cursor=cursor, size=size, columns=KEYS)
        images += found.images
        cursor = found.next_cursor
        if not cursor or len(images) >= most:
            break
    return Fitting(images, is_all=not cursor)


def cards(images: Sequence[Any], *, viewer: User, early: int = 0) -> list[Card]:
    """The images, given as `COLUMNS`, as cards. Images without a preview are left out.

    The browser fetches the files of the first `early` at once, and others when they come near.
    """
    reusable, around = may_make(viewer), drawing.surroundings()
    keys = [image.id for image in images]
    rows = Rendition.objects.filter(image__in=keys, recipe=PREVIEW.name)
    previews = {key: tuple(values) for key, *values in rows.values_list("image", *PREVIEW_VALUES)}
    marks = Mark.objects.filter(user=viewer, image__in=keys)
    noted = {key: (starred, stars) for key, starred, stars in marks.values_list(*MARK_VALUES)}
    return [
        _drawn_card(
            _shown(
                image,
                previews[image.id],
                noted.get(image.id, NOTHING_NOTED),
                reusable=reusable,
            ),
            around,
            is_early=number < early,
        )
        for number, image in enumerate(images)
        if image.id in previews
    ]


def campaigns_of(user: User) -> QuerySet[Campaign]:
    return Campaign.objects.visible_to(user)


def people_of(user: User) -> QuerySet[User]:
    """Everyone in the user's team, including people who have made no image."""
    people = User.objects.filter(team_id=user.team_id).order_by("name", "email")
    return people.only("uuid", "name", "email")


def tags_of(user: User) -> QuerySet[Tag]:
    return Tag.objects.visible_to(user)


def _shown(
    image: Any,
    preview: _Preview,
    noted: tuple[bool, int],
    *,
    reusable: bool,
) -> _Shown:
    reused = image.run__uuid if reusable else None
    prompt = shortened(image.run__prompt, ALT_LENGTH)
    return image.uuid, reused, prompt, (image.width, image.height), preview, noted


@lru_cache(maxsize=drawing.MOST_KEPT)
def _drawn_card(shown: _Shown, around: tuple[object, ...], *, is_early: bool) -> Card:
    image, reused, prompt, size, file, noted = shown
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
    is_starred, rating = noted
    context = {
        "image": frame,
        "uuid": image,
        "name": prompt,
        "is_starred": is_starred,
        "rating": rating,
        "act": act_path(),
        "is_early": is_early,
    }
    return Card(frame, loader.render_to_string(TEMPLATE, context))
