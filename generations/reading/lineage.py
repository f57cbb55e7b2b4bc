"""What an image was made from, and what was made with it afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from generations.label_chips import chip_of, chips_of_previews
from generations.labelling import PREVIEW
from generations.models import Image, Reference, Rendition, Run, RunReference
from generations.paths import image_path, reference_path, rendition_path
from generations.reading import gallery
from generations.reading.gallery import Card
from generations.reading.search import COLUMNS

# Later runs that are named on an image's page, and those on the page of all.
SHOWN, LISTED = 6, 60
# An image may be chosen as a reference again and again: of these choices, the newest count.
CHOICES = 200


@dataclass(frozen=True)
class Thumbnail:
    """A small image. `href` is its page, `chip` repeats its badge; an upload has neither."""

    src: str
    alt: str
    href: str = ""
    chip: str = ""


@dataclass(frozen=True)
class Lineage:
    """Where an image comes from and what became of it.

    `made_from` says it in words. `parent` is the address of an image of the run whose prompt was
    reused, empty if there is none to see. `more` says that not all of what it was used in is here.
    """

    made_from: str
    references: list[Thumbnail]
    parent: str
    used_in: list[Thumbnail]
    more: bool


def lineage_of(image: Image, *, viewer: User) -> Lineage:
    """The lineage of `image`, whose run must be loaded. The cost does not grow with its uses."""
    references = _references(image.run, viewer)
    runs = _runs_made_with(image, viewer, most=SHOWN + 1)
    firsts = _first_images([*runs[:SHOWN], *filter(None, [image.run.parent_id])], viewer)
    parent = firsts.get(image.run.parent_id or 0)
    return Lineage(
        made_from=_in_words(len(references)),
        references=references,
        parent=image_path(parent.image.uuid) if parent else "",
        used_in=[_later(number, firsts[pk]) for number, pk in enumerate(runs, 1) if pk in firsts],
        more=len(runs) > SHOWN,
    )


def made_with(image: Image, *, viewer: User) -> tuple[list[Card], frozenset[int], bool]:
    """The images that were made with `image`, newest first; the keys of the people who made them.

    The last value says whether there are more, which are older.
    """
    runs = _runs_made_with(image, viewer, most=LISTED + 1)
    rows = Image.objects.of_runs(runs[:LISTED], viewer).order_by("-run_id", "position", "id")
    found = list(rows.values_list(*COLUMNS, named=True))
    authors = frozenset(row.run__user for row in found)
    return gallery.cards(found, viewer=viewer), authors, len(runs) > LISTED


def _references(run: Run, viewer: User) -> list[Thumbnail]:
    kept = run.run_references.filter(reference__erased_at__isnull=True)
    rows = kept.values_list(
        "reference__uuid",
        "reference__image__uuid",
        "reference__image__hidden_at",
        "reference__image__team",
    )
    chips = chips_of_previews(image for _uuid, image, *_rest in rows if image)
    return [
        Thumbnail(
            src=reference_path(uuid),
            alt=_("Reference %(number)d") % {"number": number},
            href=_page(image, hidden_at, is_mine=team == viewer.team_id),
            chip=chips.get(image, ""),
        )
        for number, (uuid, image, hidden_at, team) in enumerate(rows, 1)
    ]


def _page(image: UUID | None, hidden_at: object, *, is_mine: bool) -> str:
    return image_path(image) if image and is_mine and not hidden_at else ""


def _runs_made_with(image: Image, viewer: User, *, most: int) -> list[int]:
    """The keys of the newest runs that had `image` as a reference or reused its prompt."""
    chosen = Reference.objects.filter(image=image).order_by("-pk").values_list("pk", flat=True)
    given = RunReference.objects.filter(
        reference__in=list(chosen[:CHOICES]), run__team=viewer.team_id
    )
    as_reference = given.order_by("-run_id").values_list("run", flat=True)[:most]
    reused = Run.objects.visible_to(viewer).filter(parent=image.run_id)
    with_prompt = reused.order_by("-pk").values_list("pk", flat=True)[:most]
    return sorted({*as_reference, *with_prompt}, reverse=True)[:most]


def _first_images(runs: Iterable[int], viewer: User) -> dict[int, Rendition]:
    """The preview of the first image of each run that `viewer` may see, by the run's key."""
    shown = Q(image__hidden_at__isnull=True, image__run__team=viewer.team_id)
    previews = Rendition.objects.filter(shown, image__run__in=list(runs), recipe=PREVIEW.name)
    ordered = previews.select_related("image").order_by("-image__position", "-image_id")
    return {preview.image.run_id: preview for preview in ordered}


def _later(number: int, preview: Rendition) -> Thumbnail:
    return Thumbnail(
        src=rendition_path(preview.uuid, preview.format),
        alt=_("Later image %(number)d") % {"number": number},
        href=image_path(preview.image.uuid),
        chip=chip_of(preview),
    )


def _in_words(references: int) -> str:
    if not references:
        return _("Prompt")
    text = ngettext("Prompt and %(count)d reference", "Prompt and %(count)d references", references)
    return text % {"count": references}
