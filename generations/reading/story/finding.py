"""Finds the records of a story for those who may read it, and records the reading.

Who may read a story follows from the record of the run's submission, not from the run's row: so
nobody hides a story by giving the row to another team.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.events import Event
from accounts.models import Record, RecordPayload, Team, User
from generations.models import Image, Run
from generations.tampering import MOVES, facts_of

# A run has a dozen records; one that was tried again many times has more.
MOST_RECORDS = 400
MOST_READINGS = 50
# Their payloads hold the text of requests and answers, which may be long.
EXCHANGED = (Event.GENERATION_REQUESTED, *MOVES)
MOST_EXCHANGED = 60
READINGS = (
    Event.RECORD_READ,
    Event.IMAGE_DOWNLOADED,
    Event.ORIGINAL_DOWNLOADED,
    Event.REFERENCE_FETCHED,
)


@dataclass(frozen=True)
class Found:
    """A run that somebody may read about.

    `row` is None if it is gone, `submitted` is None if no record tells of its submission.
    """

    uuid: UUID
    row: Run | None
    submitted: Record | None


@dataclass(frozen=True)
class Told:
    """A record and its payload: empty if there is none, None if its text was erased."""

    record: Record
    text: dict[str, Any] | None

    @property
    def facts(self) -> dict[str, Any]:
        return facts_of(self.record)


@dataclass(frozen=True)
class Gone:
    """What a record is about whose row is gone: as much of it as a record needs."""

    uuid: UUID
    team: Team | None
    _meta: Any


def run_to_read(uuid: UUID, reader: User) -> Found | None:
    """The run, if `reader` may read about it."""
    told = Record.objects.filter(story=uuid, event=Event.RUN_SUBMITTED).order_by("at", "pk")
    submitted = told.select_related("actor", "sealed").first()
    rows = Run.objects.select_related("user", "team", "campaign")
    row = rows.filter(uuid=uuid).first()
    if submitted:
        visible = audit.visible_to(reader).filter(pk=submitted.pk).exists()
    else:
        visible = bool(row) and (
            audit.reads_whole_log(reader) or row.team_id == reader.team_id  # type: ignore[union-attr]
        )
    return Found(uuid, row, submitted) if visible else None


def run_of_image(uuid: UUID) -> UUID | None:
    """The run of an image, by the record of its storing; by its row if it has no record."""
    stored = Record.objects.filter(subject_id=uuid, event=Event.IMAGE_STORED).order_by("at", "pk")
    story = stored.values_list("story", flat=True).first()
    return story or Image.objects.filter(uuid=uuid).values_list("run__uuid", flat=True).first()


@transaction.atomic
def record_reading(found: Found, subject: Run | Image | Gone, *, reader: User) -> None:
    """Record that `reader` opens the page about `subject`."""
    about: Any = subject
    audit.record(Event.RECORD_READ, actor=reader, subject=about, story=found.uuid)


def gone(uuid: UUID, model: type[Run] | type[Image], found: Found) -> Gone:
    """A row of `model` of this story that is not there any more."""
    return Gone(uuid, _team(found), model._meta)


def _team(found: Found) -> Team | None:
    if found.row:
        return found.row.team
    shown = found.submitted.teams.filter(team__isnull=False).first() if found.submitted else None
    return shown.team if shown else None


def records_of(found: Found) -> tuple[list[Told], bool]:
    """The records of the story but readings, oldest first, and whether there are more."""
    return _bounded(Record.objects.filter(story=found.uuid).exclude(event__in=READINGS))


def records_about(found: Found, subjects: Collection[UUID]) -> tuple[list[Told], bool]:
    """Those of the story's records that are about one of `subjects`."""
    records = Record.objects.filter(subject_id__in=subjects, story=found.uuid)
    return _bounded(records.exclude(event__in=READINGS))


def records_of_references(references: Collection[UUID]) -> list[Told]:
    """The records about references, which belong to no story because several runs may use them."""
    records = Record.objects.filter(subject_id__in=references).exclude(event__in=READINGS)
    return _bounded(records)[0]


def readings_of(found: Found, subjects: Collection[UUID] = ()) -> tuple[list[Told], bool]:
    """The newest readings of the story, or of some of its subjects, and whether there are more."""
    records = Record.objects.filter(story=found.uuid, event__in=READINGS)
    if subjects:
        records = records.filter(subject_id__in=subjects)
    related = records.select_related("actor", "sealed").order_by("-at", "-pk")
    newest = list(related[: MOST_READINGS + 1])
    return told(newest[:MOST_READINGS]), len(newest) > MOST_READINGS


def told(records: Sequence[Record]) -> list[Told]:
    """Records with their payloads; of requests and answers, only the first ones have them."""
    exchanged = [record.pk for record in records if record.event in EXCHANGED and record.personal]
    left_out = set(exchanged[MOST_EXCHANGED:])
    keys = [record.pk for record in records if record.personal and record.pk not in left_out]
    payloads = RecordPayload.objects.filter(record__in=keys)
    texts = dict.fromkeys(keys) | dict(payloads.values_list("record_id", "data"))
    return [Told(record, texts.get(record.pk, {})) for record in records]


def _bounded(records: QuerySet[Record]) -> tuple[list[Told], bool]:
    related = records.select_related("actor", "sealed").order_by("at", "pk")
    rows = list(related[: MOST_RECORDS + 1])
    return told(rows[:MOST_RECORDS]), len(rows) > MOST_RECORDS
