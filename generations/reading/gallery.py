"""The gallery: a team's images, newest first, found by prompt, campaign and person."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet

from accounts.models import User
from generations.identifiers import uuid_to_look_up
from generations.labelling import PREVIEW
from generations.models import Campaign, Image, Rendition
from generations.paths import reuse_path
from generations.reading import keyset
from generations.reading.frames import Frame, preview_frame
from generations.reading.shapes import shape_of

PAGE_SIZE = 48
MOST_WORDS = 8


@dataclass(frozen=True)
class Filter:
    """What to show: words of the prompt, and identifiers of a campaign and of a person."""

    query: str = ""
    campaign: str = ""
    person: str = ""

    @property
    def as_query(self) -> str:
        """The filter as it stands in an address, without the question mark."""
        named = {"q": self.query, "campaign": self.campaign, "person": self.person}
        return urlencode({name: value for name, value in named.items() if value})


@dataclass(frozen=True)
class Card:
    """One image of the gallery; `shape` is its class, `reuse` fills the composer from its run."""

    frame: Frame
    shape: str
    reuse: str


@dataclass(frozen=True)
class GalleryPage:
    """Images, newest first. `next_cursor` leads to older ones and is empty where there are none."""

    cards: list[Card]
    next_cursor: str


def page(user: User, *, cursor: str = "", chosen: Filter = Filter()) -> GalleryPage:
    """The newest images of the user's team that `chosen` lets through, or those after `cursor`."""
    visible = Image.objects.visible_to(user)
    found = keyset.page(
        _filtered(visible, chosen).select_related("run"),
        cursor=cursor,
        anchors=Image.objects.filter(team_id=user.team_id),
        size=PAGE_SIZE,
    )
    return GalleryPage(cards(found.rows), found.next_cursor)


def cards(images: Sequence[Image]) -> list[Card]:
    """Images as cards. They come with their `run`."""
    previews = {
        preview.image_id: preview
        for preview in Rendition.objects.filter(image__in=images, recipe=PREVIEW.name)
    }
    return [_card(image, previews[image.pk]) for image in images if image.pk in previews]


def search(images: QuerySet[Image], query: str) -> QuerySet[Image]:
    """The images whose prompt holds every word of `query`, in any case."""
    if "\0" in query:  # no prompt holds one, and PostgreSQL cannot look for it
        return images.none()
    for word in query.split()[:MOST_WORDS]:
        images = images.filter(run__prompt__icontains=word)
    return images


def campaigns_of(user: User) -> QuerySet[Campaign]:
    return Campaign.objects.visible_to(user)


def people_of(user: User) -> QuerySet[User]:
    """Everyone in the user's team, those who have left it alone included."""
    return User.objects.filter(team_id=user.team_id).order_by("name", "email")


def _filtered(images: QuerySet[Image], chosen: Filter) -> QuerySet[Image]:
    if chosen.campaign:
        images = images.filter(run__campaign__uuid=uuid_to_look_up(chosen.campaign))
    if chosen.person:
        images = images.filter(run__user__uuid=uuid_to_look_up(chosen.person))
    return search(images, chosen.query)


def _card(image: Image, preview: Rendition) -> Card:
    preview.image = image
    return Card(
        frame=preview_frame(preview, prompt=image.run.prompt),
        shape=shape_of(image.width, image.height),
        reuse=reuse_path(image.run.uuid),
    )
