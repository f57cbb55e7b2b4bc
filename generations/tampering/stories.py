"""The records of several runs that say what their rows hold, in the order of writing."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.events import Event
from accounts.identifiers import uuid_of
from accounts.models import Record, RecordPayload
from generations.states import Status
from generations.tampering.difference import facts_of, listed

MOVES = tuple(Event(f"generation:{status}") for status in Status)
_IN_STORIES = (
    Event.RUN_SUBMITTED,
    Event.RUN_RETRIED,
    Event.GENERATION_REQUESTED,
    Event.IMAGE_STORED,
    Event.IMAGE_RELABELLED,
    Event.RUN_ERASED,
    Event.IMAGE_ERASED,
    *MOVES,
)
_OF_REFERENCES = (
    Event.REFERENCE_UPLOADED,
    Event.REFERENCE_CLEANED,
    Event.REFERENCE_ERASED,
)


@dataclass
class Told:
    """What the records of one run tell. `moves` and `requests` are by generation.

    `relabelled` are the newest records of new labels, by image; `seen` are those that say what its
    original carried, if nobody had looked before. `erased` are the records that say that the run
    or one of its images was erased, by identifier.
    """

    submitted: Record | None = None
    retried: list[Record] = field(default_factory=list)
    moves: dict[UUID, list[Record]] = field(default_factory=lambda: defaultdict(list))
    requests: dict[UUID, list[Record]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[UUID, Record] = field(default_factory=dict)
    relabelled: dict[UUID, Record] = field(default_factory=dict)
    seen: dict[UUID, Record] = field(default_factory=dict)
    erased: dict[UUID, Record] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        if record.event == Event.RUN_SUBMITTED:
            self.submitted = self.submitted or record
        elif record.event == Event.RUN_RETRIED:
            self.retried.append(record)
        elif record.event == Event.IMAGE_STORED:
            self.stored.setdefault(record.subject_id, record)
        elif record.event == Event.IMAGE_RELABELLED:
            self.relabelled[record.subject_id] = record
            if "arrived_with" in facts_of(record):
                self.seen[record.subject_id] = record
        elif record.event in (Event.RUN_ERASED, Event.IMAGE_ERASED):
            self.erased[record.subject_id] = record
        elif record.event == Event.GENERATION_REQUESTED:
            self.requests[record.subject_id].append(record)
        else:
            self.moves[record.subject_id].append(record)

    @property
    def ordered(self) -> list[str]:
        """The identifiers of the generations of the first press."""
        named = listed(facts_of(self.submitted), "generations") if self.submitted else []
        return [each for each in named if isinstance(each, str)]

    @property
    def references(self) -> list[dict[str, Any]]:
        """The references that the run was given, in order."""
        given = listed(facts_of(self.submitted), "references") if self.submitted else []
        return [each for each in given if isinstance(each, dict)]

    @property
    def references_given(self) -> dict[UUID, dict[str, Any]]:
        """The references by identifier; those of the first version may have none."""
        given = {uuid_of(str(each.get("reference", ""))): each for each in self.references}
        return {uuid: each for uuid, each in given.items() if uuid}


def told_of(runs: Collection[UUID]) -> dict[UUID, Told]:
    """What records tell of these runs, by run. Payloads are not loaded."""
    told: dict[UUID, Told] = {run: Told() for run in runs}
    records = Record.objects.filter(story__in=runs, event__in=_IN_STORIES)
    for record in records.select_related("actor").order_by("pk"):
        assert record.story is not None  # noqa: S101  # they were found by it
        told[record.story].add(record)
    return told


def records_of_references(references: Collection[UUID]) -> dict[UUID, list[Record]]:
    """The records of uploading and cleaning of each reference."""
    found: dict[UUID, list[Record]] = defaultdict(list)
    records = Record.objects.filter(subject_id__in=references, event__in=_OF_REFERENCES)
    for record in records.order_by("pk"):
        found[record.subject_id].append(record)
    return found


def texts(records: Collection[Record]) -> dict[int, dict[str, Any]]:
    """The payloads of records, by the record's key, without those that were erased."""
    rows = RecordPayload.objects.filter(record__in=[record.pk for record in records])
    pairs = rows.values_list("record_id", "data")
    return {key: data for key, data in pairs if isinstance(data, dict)}


def values_of_texts(records: Collection[Record], name: str) -> Iterator[tuple[int, Any]]:
    """One value of each payload, by the record's key: the rest, perhaps long, is not read."""
    rows: QuerySet[Any] = RecordPayload.objects.filter(record__in=[each.pk for each in records])
    yield from rows.values_list("record_id", f"data__{name}")
