"""One image with all that its page tells: where it comes from, its labels, its neighbours."""

import datetime as dt
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.events import Event
from accounts.models import Record, User
from generations.labelling import FULL, PREVIEW, SCREEN
from generations.models import Image, Rendition, Run
from generations.paths import image_path, reference_path, rendition_path
from generations.pricing import credits_in_words
from generations.providers import registry
from generations.providers.types import CUSTOM, GenerationRequest
from generations.reading import waits
from generations.reading.feed import engine_label
from generations.reading.frames import alt_text
from generations.reading.sentences import short_hash
from generations.reading.shapes import format_asked, shape_of

# Two pictures whose ratios differ by no more than this part are of the same format.
SAME_FORMAT = 0.02


@dataclass(frozen=True)
class Neighbour:
    """Another image of the same run."""

    href: str
    src: str
    alt: str
    current: bool


@dataclass(frozen=True)
class Step:
    """One thing that happened on the way to an image."""

    words: str
    at: str
    time: str


@dataclass(frozen=True)
class Detail:
    """The page of one image; every text is finished.

    `params` and `facts` are label and value; `other_size` is a sentence where the picture is not
    of the size asked for; `hash` is the SHA-256 of the file that people download. `previous` and
    `next` are addresses within the run, or empty.
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
    references: list[str]
    steps: list[Step]
    strip: list[Neighbour]
    previous: str
    next: str
    record: str

    @property
    def short_hash(self) -> str:
        return short_hash(self.hash)


def detail_of(image: Image, *, viewer: User) -> Detail:
    """All about `image`, which comes with its run, generation, price and person."""
    run, zone = image.run, viewer.team.tzinfo
    renditions = {row.recipe: row for row in image.renditions.all()}
    screen = renditions[SCREEN.name]
    strip = _strip(image)
    here = next(index for index, neighbour in enumerate(strip) if neighbour.current)
    references = [
        reference_path(uuid)
        for uuid in run.run_references.values_list("reference__uuid", flat=True)
    ]
    return Detail(
        image=image,
        run=run,
        shape=shape_of(image.width, image.height),
        src=rendition_path(screen.uuid, screen.format),
        alt=alt_text(run.prompt),
        when=date_format(image.created_at.astimezone(zone), "j F Y, H:i"),
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


def is_welcome_as_reference() -> bool:
    """Whether any engine that is set up takes references."""
    return any(engine.capabilities.max_references for engine in registry.engines().values())


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
        (_("Format"), format_asked(options) or _("as the engine chose")),
        (_("Resolution"), _resolution(options.get("resolution", ""))),
        (_("Seed"), _seed(image)),
        (_("Price"), credits_in_words(image.generation.price.credits)),
    ]


def _resolution(tier: str) -> str:
    return _("Custom size") if tier == CUSTOM else tier or _("as the engine chose")


def _other_size(image: Image) -> str:
    """What was asked for and what came, where they differ; empty where they do not."""
    asked = _size_asked(image.run)
    if asked is None or _is_as_asked(image, asked):
        return ""
    sizes = {"asked": "{}×{}".format(*asked), "sent": f"{image.width}×{image.height}"}
    return _("Asked for %(asked)s; the provider sent %(sent)s.") % sizes


def _size_asked(run: Run) -> tuple[int, int] | None:
    """Width and height in pixels; None where the engine is gone, or has no such size any more."""
    engine = registry.known_engines().get(run.engine)
    asked = GenerationRequest.from_options(run.options, engine=run.engine, prompt="")
    try:
        return engine.capabilities.size(asked) if engine else None
    except KeyError:
        return None


def _is_as_asked(image: Image, asked: tuple[int, int]) -> bool:
    """Where a provider promises no pixels, those that came need only have the format asked for."""
    able = registry.engine(image.run.engine).capabilities
    if able.exact_sizes or image.run.options.get("resolution") == CUSTOM:
        return (image.width, image.height) == asked
    ratio = image.width * asked[1] / (image.height * asked[0])
    return abs(ratio - 1) <= SAME_FORMAT


def _seed(image: Image) -> str:
    if image.generation.seed is not None:
        return str(image.generation.seed)
    asked = image.run.options.get("seed")
    return _("not told") if asked is None else str(asked + image.generation.position)


def _made_from(references: int) -> str:
    if not references:
        return _("Prompt")
    words = ngettext(
        "Prompt and %(count)d reference", "Prompt and %(count)d references", references
    )
    return words % {"count": references}


def _steps(image: Image, zone: dt.tzinfo) -> list[Step]:
    generation = image.generation
    steps = [(_("Submitted by %(person)s") % {"person": image.run.user}, image.run.created_at)]
    if sent := generation.submitted_at:
        taken = waits.in_words((image.created_at - sent).total_seconds())
        steps.append((_("Sent to the provider"), sent))
        steps.append((_("Labelled and stored, %(time)s later") % {"time": taken}, image.created_at))
    else:
        steps.append((_("Labelled and stored"), image.created_at))
    return [Step(words, at.isoformat(), f"{at.astimezone(zone):%H:%M:%S}") for words, at in steps]


def _record_of(image: Image) -> str:
    """The number of the record that the image was stored under."""
    stored = Record.objects.filter(subject_id=image.uuid, event=Event.IMAGE_STORED)
    number = stored.values_list("pk", flat=True).first()
    return f"{number:,}" if number else ""
