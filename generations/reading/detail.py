"""The page of one image: where it comes from, its labels, and the other images of its run."""

import datetime as dt
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.events import Event
from accounts.models import Entry, Record, User
from generations.jobs.execution import requests
from generations.labelling import FULL, PREVIEW, SCREEN
from generations.models import Generation, Image, Rendition, Run
from generations.paths import image_path, reference_path, rendition_path
from generations.pricing import credits_in_words
from generations.providers import registry
from generations.providers.capabilities import CUSTOM, is_same_format
from generations.reading import waits
from generations.reading.feed import engine_label
from generations.reading.frames import alt_text
from generations.reading.sentences import short_hash
from generations.reading.shapes import format_asked, shape_of


@dataclass(frozen=True)
class Neighbour:
    """Another image of the same run."""

    href: str
    src: str
    alt: str
    current: bool


@dataclass(frozen=True)
class GivenImage:
    """A reference of the run. `ours` says that it is an image made in the studio, not an upload."""

    src: str
    ours: bool


@dataclass(frozen=True)
class Step:
    """One event in the making of an image, and its time."""

    text: str
    at: str
    time: str


@dataclass(frozen=True)
class Detail:
    """The page of one image. Every text is ready to print.

    `params` are pairs of label and value. `other_size` is a sentence if the image does not have the
    size asked for. `hash` is the SHA-256 of the file that people download. `previous` and `next`
    are addresses of images of the same run, or empty.
    """

    image: Image
    run: Run
    shape: str
    src: str
    alt: str
    when: str
    params: list[tuple[str, str]]
    other_size: str
    hash: str
    made_from: str
    references: list[GivenImage]
    steps: list[Step]
    strip: list[Neighbour]
    previous: str
    next: str
    record: int | None

    @property
    def short_hash(self) -> str:
        return short_hash(self.hash)


def detail_of(image: Image, *, viewer: User) -> Detail:
    """The page of `image`, whose run, generation, price and person must be loaded."""
    run, zone = image.run, viewer.tzinfo
    renditions = {row.recipe: row for row in image.renditions.all()}
    screen = renditions[SCREEN.name]
    strip = _strip(image)
    here = next(index for index, neighbour in enumerate(strip) if neighbour.current)
    references = _references(run)
    return Detail(
        image=image,
        run=run,
        shape=shape_of(image.width, image.height),
        src=rendition_path(screen.uuid, screen.format),
        alt=alt_text(run.prompt),
        when=date_format(image.created_at.astimezone(zone), "DATETIME_FORMAT"),
        params=_params(image),
        other_size=_other_size(image),
        hash=renditions[FULL.name].sha256,
        made_from=_made_from(len(references)),
        references=references,
        steps=_steps(image, zone),
        strip=strip,
        previous=strip[here - 1].href if here else "",
        next=strip[here + 1].href if here + 1 < len(strip) else "",
        record=_record_of(image),
    )


def can_be_reference() -> bool:
    """Whether an image can be used as a reference: an engine that accepts some is set up."""
    return any(engine.capabilities.max_references for engine in registry.engines().values())


def _references(run: Run) -> list[GivenImage]:
    kept = run.run_references.filter(reference__erased_at__isnull=True)
    rows = kept.values_list("reference__uuid", "reference__image")
    return [GivenImage(reference_path(uuid), ours=image is not None) for uuid, image in rows]


def _strip(image: Image) -> list[Neighbour]:
    siblings = Rendition.objects.filter(
        image__run=image.run_id, image__hidden_at__isnull=True, recipe=PREVIEW.name
    ).select_related("image")
    ordered = siblings.order_by("image__position", "image_id")
    return [_neighbour(number, preview, image) for number, preview in enumerate(ordered, 1)]


def _neighbour(number: int, preview: Rendition, shown: Image) -> Neighbour:
    return Neighbour(
        href=image_path(preview.image.uuid),
        src=rendition_path(preview.uuid, preview.format),
        alt=_("Image %(number)d of this run") % {"number": number},
        current=preview.image_id == shown.pk,
    )


def _params(image: Image) -> list[tuple[str, str]]:
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
    return credits_in_words(generation.price.credits)


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


def _made_from(references: int) -> str:
    if not references:
        return _("Prompt")
    text = ngettext("Prompt and %(count)d reference", "Prompt and %(count)d references", references)
    return text % {"count": references}


def _steps(image: Image, zone: dt.tzinfo) -> list[Step]:
    generation = image.generation
    steps = [(_("Submitted by %(person)s") % {"person": image.run.user}, image.run.created_at)]
    if sent := generation.submitted_at:
        taken = waits.in_words((image.created_at - sent).total_seconds())
        steps.append((_("Sent to the provider"), sent))
        steps.append((_("Labelled and stored, %(time)s later") % {"time": taken}, image.created_at))
    else:
        steps.append((_("Labelled and stored"), image.created_at))
    return [Step(text, at.isoformat(), f"{at.astimezone(zone):%H:%M:%S}") for text, at in steps]


def _record_of(image: Image) -> int | None:
    """The number of the record of the image's storing; None if there is none."""
    stored = Record.objects.filter(subject_id=image.uuid, event=Event.IMAGE_STORED)
    return stored.values_list("pk", flat=True).first()
