"""The story of one image: its files, its request, what it was made from, who looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from accounts import audit
from accounts.events import Event
from accounts.identifiers import uuid_of
from accounts.models import Record, User
from generations.labelling import SCREEN
from generations.models import Image, RunReference
from generations.reading.story import finding
from generations.reading.story.asked import Asked, asked_of
from generations.reading.story.changes import Change, changes_of
from generations.reading.story.costs import Costs, costs_of
from generations.reading.story.erased import Erased, erased_of
from generations.reading.story.exchanges import Exchange, exchanges
from generations.reading.story.finding import Found
from generations.reading.story.lines import Line, lines
from generations.reading.story.pictures import GivenReference, StoredImage, images, references
from generations.reading.story.seals import Seal, neighbours_of, seal_of
from generations.reading.story.wording import Moment, moment
from generations.tampering import facts_of

MOST_USES = 20


@dataclass(frozen=True)
class Use:
    """A later run that was given the image as a reference."""

    href: str
    when: Moment


@dataclass(frozen=True)
class ImageStory:
    """One image. `image` is None if no record tells of its storing; the row may still be there.

    `previous` and `next` are the addresses of its neighbours in the run, or empty.
    """

    uuid: UUID
    run: str
    image: StoredImage | None
    page: str
    previous: str
    next: str
    erased: list[Erased]
    asked: Asked | None
    neighbours: list[int]
    references: list[GivenReference]
    uses: list[Use]
    exchanges: list[Exchange]
    costs: Costs
    changes: list[Change]
    lines: list[Line]
    more_records: bool
    readings: list[Line]
    more_readings: bool
    seal: Seal


def image_story(uuid: UUID, *, reader: User) -> ImageStory | None:
    """The story of an image, after recording that `reader` reads it; None if they may not."""
    run = finding.run_of_image(uuid)
    found = finding.run_to_read(run, reader) if run else None
    if found is None:
        return None
    row = Image.objects.select_related("team").filter(uuid=uuid).first()
    finding.record_reading(found, row or finding.gone(uuid, Image, found), reader=reader)
    stored = _stored(found)
    generation = _generation(uuid, stored)
    subjects = {uuid, found.uuid, *([generation] if generation else [])}
    records, more_records = finding.records_about(found, subjects)
    readings, more_readings = finding.readings_of(found, {uuid, found.uuid})
    previous, following = _neighbours(uuid, stored)
    return ImageStory(
        uuid=uuid,
        run=reverse("story", args=[found.uuid]),
        image=next((each for each in images(records, reader, recipe=SCREEN.name)), None),
        page=reverse("image", args=[uuid]) if row and row.hidden_at is None else "",
        previous=previous,
        next=following,
        erased=erased_of(records, reader),
        asked=asked_of(found, reader),
        neighbours=neighbours_of(found.submitted),
        references=references(found, reader),
        uses=_uses(uuid, reader),
        exchanges=exchanges(records, reader),
        costs=costs_of(told for told in records if told.record.subject_id == generation),
        changes=changes_of(found.uuid, only=subjects),
        lines=lines(records, reader),
        more_records=more_records,
        readings=lines(readings, reader),
        more_readings=more_readings,
        seal=seal_of(records, reader),
    )


def _stored(found: Found) -> list[Record]:
    """The records of the storing of all images of the run, in the order of their positions."""
    stored = Record.objects.filter(story=found.uuid, event=Event.IMAGE_STORED)
    rows = list(stored.order_by("at", "pk")[: finding.MOST_RECORDS])
    return sorted(rows, key=_position)


def _position(record: Record) -> int:
    position = facts_of(record).get("position")
    return position if isinstance(position, int) else finding.MOST_RECORDS


def _generation(uuid: UUID, stored: Sequence[Record]) -> UUID | None:
    """The request that the image came from."""
    mine = next((record for record in stored if record.subject_id == uuid), None)
    if mine:
        return uuid_of(str(facts_of(mine).get("generation", "")))
    rows = Image.objects.filter(uuid=uuid).values_list("generation__uuid", flat=True)
    return rows.first()


def _neighbours(uuid: UUID, stored: Sequence[Record]) -> tuple[str, str]:
    paths = [reverse("log-image", args=[record.subject_id]) for record in stored]
    here = next((at for at, record in enumerate(stored) if record.subject_id == uuid), None)
    if here is None:
        return "", ""
    return paths[here - 1] if here else "", paths[here + 1] if here + 1 < len(paths) else ""


def _uses(uuid: UUID, reader: User) -> list[Use]:
    """The newest runs of the reader's team that were given the image."""
    given = RunReference.objects.filter(reference__image__uuid=uuid).order_by("-run_id")
    runs = given.values_list("run__uuid", flat=True)[:MOST_USES]
    submitted = Record.objects.filter(story__in=list(runs), event=Event.RUN_SUBMITTED)
    visible = audit.visible_to(reader).filter(pk__in=submitted.values("pk")).order_by("-at")
    return [
        Use(reverse("story", args=[record.story]), moment(record.at, reader.tzinfo))
        for record in visible
    ]
