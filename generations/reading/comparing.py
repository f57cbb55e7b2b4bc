"""Images beside one another, and in what they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from generations.label_chips import chip_of
from generations.labelling import SCREEN
from generations.models import Image
from generations.paths import MOST_COMPARED, rendition_path
from generations.reading.detail import full_path, params_of, title_of
from generations.reading.frames import alt_text
from generations.reading.neighbours import COMPARE, Listing
from generations.reading.shapes import shape_of


@dataclass(frozen=True)
class Compared:
    """One of the images. `full` is as in `detail.Detail`, `number` counts from 1."""

    uuid: UUID
    number: int
    href: str
    title: str
    src: str
    full: str
    alt: str
    chip: str
    width: int
    height: int
    shape: str


@dataclass(frozen=True)
class Row:
    """A fact about each image, in the order of the images; `differs` if it is not always equal."""

    label: str
    values: list[str]
    differs: bool


@dataclass(frozen=True)
class Comparison:
    """Images with their facts. `notes` are sentences about what was asked for and is not shown.

    `authors` are the keys of the people whose prompts it shows.
    """

    images: list[Compared]
    rows: list[Row]
    notes: list[str]
    authors: frozenset[int]

    @property
    def is_possible(self) -> bool:
        return len(self.images) > 1


def comparison(user: User, chosen: Sequence[str]) -> Comparison:
    """The images with the identifiers `chosen` that `user` may see, at most `MOST_COMPARED`."""
    kept = chosen[:MOST_COMPARED]
    rows = Image.objects.visible_to(user).filter(uuid__in=kept)
    found = {
        str(image.uuid): image
        for image in rows.select_related(
            "run__user", "run__campaign", "generation__price"
        ).prefetch_related("renditions")
    }
    images = [found[each] for each in kept if each in found]
    listing = Listing(COMPARE, images=tuple(str(image.uuid) for image in images))
    return Comparison(
        images=[_compared(number, image, listing) for number, image in enumerate(images, 1)],
        rows=_rows(images, user),
        notes=_notes(lost=len(kept) - len(images), is_cut=len(chosen) > MOST_COMPARED),
        authors=frozenset(image.author_id for image in images),
    )


def _compared(number: int, image: Image, listing: Listing) -> Compared:
    renditions = {row.recipe: row for row in image.renditions.all()}
    screen = renditions[SCREEN.name]
    return Compared(
        uuid=image.uuid,
        number=number,
        href=listing.path(image.uuid),
        title=title_of(image.run),
        src=rendition_path(screen.uuid, screen.format),
        full=full_path(renditions),
        alt=alt_text(image.run.prompt, image.source_type),
        chip=chip_of(screen),
        width=image.width,
        height=image.height,
        shape=shape_of(image.width, image.height),
    )


def _rows(images: Sequence[Image], user: User) -> list[Row]:
    facts = [_facts(image, user) for image in images]
    return [
        Row(label, values, differs=len(set(values)) > 1)
        for label, values in (
            (columns[0][0], [value for _label, value in columns])
            for columns in zip(*facts, strict=True)
        )
    ]


def _facts(image: Image, user: User) -> list[tuple[str, str]]:
    run, zone = image.run, user.tzinfo
    return [
        (_("Prompt"), _("erased") if run.erased_at else run.prompt),
        *params_of(image),
        (_("Person"), str(run.user)),
        (_("Campaign"), run.campaign.name if run.campaign else _("none")),
        (_("Made"), date_format(image.created_at.astimezone(zone), "DATETIME_FORMAT")),
    ]


def _notes(*, lost: int, is_cut: bool) -> list[str]:
    notes = []
    if lost:
        notes.append(
            ngettext(
                "%(count)d of the images is not here: it was erased, or your team has no such "
                "image.",
                "%(count)d of the images are not here: they were erased, or your team has no such "
                "images.",
                lost,
            )
            % {"count": lost}
        )
    if is_cut:
        notes.append(_("Only the first %(count)d images are compared.") % {"count": MOST_COMPARED})
    return notes
