"""The page of one image: what it is, where it comes from, and the images before and after it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.events import Event
from accounts.models import Entry, Record, User
from generations import pricing, speeds
from generations.jobs.execution import requests
from generations.label_chips import chip_of
from generations.labelling import FULL, PREVIEW, SCREEN
from generations.models import Generation, Image, Rendition, Run
from generations.paths import MOST_COMPARED, compare_path, rendition_path
from generations.pricing import credits_in_words
from generations.providers import registry
from generations.providers.capabilities import CUSTOM, is_same_format
from generations.reading.feed import engine_label
from generations.reading.frames import alt_text, shortened
from generations.reading.lineage import Lineage, lineage_of
from generations.reading.neighbours import OF_RUN, Listing, around
from generations.reading.sentences import short_hash
from generations.reading.shapes import format_asked, shape_of

TITLE_LENGTH = 60  # characters


@dataclass(frozen=True)
class Neighbour:
    """Another image of the same run."""

    uuid: UUID
    href: str
    src: str
    alt: str
    chip: str
    current: bool


@dataclass(frozen=True)
class Step:
    """One event in the making of an image, and its time."""

    text: str
    at: str
    time: str


@dataclass(frozen=True)
class Detail:
    """The page of one image. Every text is ready to print.

    `title` is the beginning of the prompt. `params` are pairs of label and value. `other_size` is a
    sentence if the image does not have the size asked for. `full` is the address of the labelled
    file in full size, empty if `src` shows as many pixels. `hash` is the SHA-256 of the file that
    people download. `compare` compares it with others of its run, and is empty if there are none.
    `previous` and `next` are addresses in the list `listing`, or empty.
    """

    image: Image
    run: Run
    listing: Listing
    title: str
    shape: str
    src: str
    full: str
    alt: str
    chip: str
    when: str
    params: list[tuple[str, str]]
    other_size: str
    hash: str
    lineage: Lineage
    steps: list[Step]
    strip: list[Neighbour]
    compare: str
    previous: str
    next: str
    record: int | None

    @property
    def short_hash(self) -> str:
        return short_hash(self.hash)


def detail_of(image: Image, *, viewer: User, listing: Listing = OF_RUN) -> Detail:
    """The page of `image`, whose run, generation, price and person must be loaded.

    `listing` is the list from which it was opened.
    """
    run, zone = image.run, viewer.tzinfo
    renditions = {row.recipe: row for row in image.renditions.all()}
    strip = _strip(image, listing)
    siblings = [neighbour.uuid for neighbour in strip]
    previous, following = around(image, listing, siblings=siblings, viewer=viewer)
    return Detail(
        image=image,
        run=run,
        listing=listing,
        title=title_of(run),
        shape=shape_of(image.width, image.height),
        src=_path(renditions[SCREEN.name]),
        full=full_path(renditions),
        alt=alt_text(run.prompt, image.source_type),
        chip=chip_of(renditions[SCREEN.name]),
        when=date_format(image.created_at.astimezone(zone), "DATETIME_FORMAT"),
        params=params_of(image),
        other_size=_other_size(image),
        hash=renditions[FULL.name].sha256,
        lineage=lineage_of(image, viewer=viewer),
        steps=_steps(image, zone),
        strip=strip,
        compare=_compare_path(image.uuid, siblings),
        previous=previous,
        next=following,
        record=_record_of(image),
    )


def title_of(run: Run) -> str:
    """What pages of an image of `run` are called: the beginning of its prompt."""
    if run.erased_at:
        return _("Image whose prompt was erased")
    return shortened(run.prompt, TITLE_LENGTH) or _("Image")


def full_path(renditions: Mapping[str, Rendition]) -> str:
    """The address of the labelled file in full size; empty if the one for screens is as large.

    `renditions` are those of one image, by recipe.
    """
    full, screen = renditions[FULL.name], renditions[SCREEN.name]
    return _path(full) if full.width > screen.width else ""


def _path(rendition: Rendition) -> str:
    return rendition_path(rendition.uuid, rendition.format)


def can_be_reference() -> bool:
    """Whether an image can be used as a reference: an engine that accepts some is set up."""
    return bool(_with_references())


def reference_price() -> str:
    """The least that an image made with a reference costs, as a button shows it; may be empty."""
    prices = pricing.prices_in_force(_with_references()).values()
    if not prices:
        return ""
    least = min(price.credits_of_image(1) for price in prices)
    text = ngettext("from %(count)d credit", "from %(count)d credits", least)
    return text % {"count": least}


def _with_references() -> list[str]:
    """The names of the engines that accept references."""
    return [
        name for name, engine in registry.engines().items() if engine.capabilities.max_references
    ]


def _compare_path(image: UUID, siblings: Sequence[UUID]) -> str:
    others = [uuid for uuid in siblings if uuid != image][: MOST_COMPARED - 1]
    chosen = [uuid for uuid in siblings if uuid == image or uuid in others]
    return compare_path(chosen) if others else ""


def _strip(image: Image, listing: Listing) -> list[Neighbour]:
    siblings = Rendition.objects.filter(
        image__run=image.run_id, image__hidden_at__isnull=True, recipe=PREVIEW.name
    ).select_related("image")
    ordered = siblings.order_by("image__position", "image_id")
    return [
        _neighbour(number, preview, image, listing) for number, preview in enumerate(ordered, 1)
    ]


def _neighbour(number: int, preview: Rendition, shown: Image, listing: Listing) -> Neighbour:
    return Neighbour(
        uuid=preview.image.uuid,
        href=listing.path(preview.image.uuid),
        src=_path(preview),
        alt=_("Image %(number)d of this run") % {"number": number},
        chip=chip_of(preview),
        current=preview.image_id == shown.pk,
    )


def params_of(image: Image) -> list[tuple[str, str]]:
    """How `image` was made, as pairs of label and value; always the same labels in one order."""
    options = image.run.options
    return [
        (_("Engine"), engine_label(image.run.engine)),
        (_("Size"), f"{image.width}×{image.height}"),
        (
            pgettext("shape of an image", "Format"),
            format_asked(options) or _("chosen by the engine"),
        ),
        (_("Resolution"), _resolution(options.get("resolution", ""))),
        (_("Seed"), _seed(image)),
        (_("Price"), _price(image.generation)),
    ]


def _price(generation: Generation) -> str:
    if generation.came_late and not _is_charged(generation):
        return _("free: it arrived after the credits had been returned")
    return credits_in_words(generation.image_credits)


def _is_charged(generation: Generation) -> bool:
    return Entry.objects.filter(generation=generation.uuid, kind=Entry.Kind.SETTLE).exists()


def _resolution(tier: str) -> str:
    return _("Custom size") if tier == CUSTOM else tier or _("chosen by the engine")


def _other_size(image: Image) -> str:
    """The size asked for and the size that came; empty if they agree."""
    asked = requests.size_asked(image.run)
    if asked is None or _is_as_asked(image, asked):
        return ""
    sizes = {"asked": "{}×{}".format(*asked), "sent": f"{image.width}×{image.height}"}
    return _("Asked for %(asked)s; the provider sent %(sent)s.") % sizes


def _is_as_asked(image: Image, asked: tuple[int, int]) -> bool:
    """Whether the image has the size asked for.

    If the provider promises no exact pixels, the ratio is enough.
    """
    able = registry.engine(image.run.engine).capabilities
    if able.exact_sizes or image.run.options.get("resolution") == CUSTOM:
        return (image.width, image.height) == asked
    return is_same_format((image.width, image.height), asked)


def _seed(image: Image) -> str:
    if image.generation.seed is not None:
        return str(image.generation.seed)
    asked = image.run.options.get("seed")
    engine = registry.known_engines().get(image.run.engine)
    if asked is None or engine is None:
        return _("not known")
    return str(engine.capabilities.seed_at(image.generation.position, asked=asked))


def _steps(image: Image, zone: dt.tzinfo) -> list[Step]:
    generation = image.generation
    steps = [(_("Submitted by %(person)s") % {"person": image.run.user}, image.run.created_at)]
    if sent := generation.submitted_at:
        taken = speeds.in_words((image.created_at - sent).total_seconds())
        steps.append((_("Sent to the provider"), sent))
        steps.append((_("Labelled and stored, %(time)s later") % {"time": taken}, image.created_at))
    else:
        steps.append((_("Labelled and stored"), image.created_at))
    return [Step(text, at.isoformat(), f"{at.astimezone(zone):%H:%M:%S}") for text, at in steps]


def _record_of(image: Image) -> int | None:
    """The number of the record of the image's storing; None if there is none."""
    stored = Record.objects.filter(subject_id=image.uuid, event=Event.IMAGE_STORED)
    return stored.values_list("pk", flat=True).first()
