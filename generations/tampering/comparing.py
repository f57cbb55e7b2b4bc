"""Compares the rows of runs with their records, batch by batch.

Rows and records are not read at the same moment, and the studio goes on. So what differs is
compared again, and counts only if it differs in the same way: an act in between changes both.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.events import Event
from accounts.identifiers import uuid_of
from accounts.models import Record
from generations.models import Run
from generations.tampering import claims, rows, stories
from generations.tampering.difference import (
    Claims,
    Difference,
    Kind,
    Said,
    without_record,
)
from generations.tampering.names import Names
from generations.tampering.stories import Told

BATCH = 50


def of_runs(runs: Iterable[UUID]) -> Iterator[Difference]:
    """Yield what differs in these runs and in their generations, images and references.

    A run without a row and without records yields nothing.
    """
    names, rest = Names(), iter(runs)
    while batch := list(islice(rest, BATCH)):
        yield from _confirmed(batch, names)


def of_all_runs() -> Iterator[Difference]:
    """Yield what differs in all runs, those that are gone included."""
    yield from of_runs(_uuids(Run.objects.all(), "uuid"))
    told = _uuids(Record.objects.filter(event=Event.RUN_SUBMITTED), "subject_id")
    while batch := list(islice(told, BATCH)):
        known = set(Run.objects.filter(uuid__in=batch).values_list("uuid", flat=True))
        yield from of_runs(each for each in batch if each not in known)


def _uuids(rows: QuerySet[Any], name: str) -> Iterator[UUID]:
    """One value of each row, in order of the key. No cursor stays open."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", name)[:1000]):
        yield from (value for _pk, value in batch)
        last = batch[-1][0]


def _confirmed(runs: Collection[UUID], names: Names) -> list[Difference]:
    first = list(_compare(runs, names))
    doubtful = {each.run for each in first}
    again = set(_compare(doubtful, Names())) if doubtful else set()
    return [each for each in first if each in again]


@dataclass(frozen=True)
class _Sources:
    """What a batch is compared with: payloads and hashes of bodies by the key of their record."""

    texts: Mapping[int, Mapping[str, Any]]
    sent: Mapping[int, Any]
    kept: Mapping[UUID, str]
    references: Mapping[UUID, Sequence[Record]]


def _compare(runs: Collection[UUID], names: Names) -> Iterator[Difference]:
    found = rows.of_runs(runs)
    kept = rows.body_hashes(runs)
    told = stories.told_of(runs)
    sources = _sources(told.values(), kept)
    for run, tale in told.items():
        row = found.get(run)
        if tale.submitted is None:
            if row:
                yield without_record(run, Kind.RUN, run)
            continue
        yield from _run(row, tale.submitted, tale, sources)
        if row:
            yield from _generations(row, tale.submitted, tale, sources)
            yield from _images(row, tale)
            yield from _references(row, tale.submitted, tale, sources)
    yield from _names(list(found.values()), names)


def _sources(told: Collection[Told], kept: Mapping[UUID, str]) -> _Sources:
    requests = [sent[-1] for each in told for key, sent in each.requests.items() if key in kept]
    given = {key for each in told for key in each.references_given}
    return _Sources(
        texts=stories.texts([each.submitted for each in told if each.submitted]),
        sent=dict(stories.values_of_texts(requests, "body_sha256")),
        kept=kept,
        references=stories.records_of_references(given),
    )


def _run(row: Run | None, record: Record, told: Told, sources: _Sources) -> Iterator[Difference]:
    asked = {each.uuid: each.wanted for each in row.generations.all()} if row else {}
    said = claims.of_run(record, told, sources.texts.get(record.pk), asked)
    yield from said.differences(rows.run(row, told.ordered) if row else None)


def _generations(row: Run, record: Record, told: Told, sources: _Sources) -> Iterator[Difference]:
    found = {each.uuid: each for each in row.generations.all()}
    for each in found.values():
        body = sources.kept.get(each.uuid)
        said = claims.of_generation(each, record, told, sources.sent if body else {})
        yield from said.differences(rows.generation(each, body))
    named = {*told.ordered, *map(str, told.moves)}
    for gone in map(uuid_of, sorted(named - {str(key) for key in found})):
        if gone:
            yield from Claims(row.uuid, Kind.GENERATION, gone, record.pk, {}).differences(None)


def _images(row: Run, told: Told) -> Iterator[Difference]:
    found = {each.uuid: each for each in row.images.all()}
    for uuid, record in told.stored.items():
        image = found.pop(uuid, None)
        yield from claims.of_image(record, told).differences(rows.image(image) if image else None)
    for uuid in found:
        yield without_record(row.uuid, Kind.IMAGE, uuid)


def _references(row: Run, record: Record, told: Told, sources: _Sources) -> Iterator[Difference]:
    found = {each.reference.uuid: each.reference for each in row.run_references.all()}
    for uuid, given in told.references_given.items():
        own = sources.references.get(uuid, ())
        reference = found.get(uuid)
        said = claims.of_reference(row.uuid, uuid, given, record, own)
        yield from said.differences(rows.reference(reference) if reference else None)


def _names(found: Collection[Run], names: Names) -> Iterator[Difference]:
    """Names of people and campaigns that differ from what was recorded last."""
    subjects = {row.user.uuid for row in found} | {
        row.campaign.uuid for row in found if row.campaign
    }
    recorded = names.now(subjects)
    for row in found:
        shown = [(Kind.PERSON, row.user.uuid, row.user.name)]
        if row.campaign:
            shown.append((Kind.CAMPAIGN, row.campaign.uuid, row.campaign.name))
        for kind, subject, name in shown:
            if said := recorded.get(subject):
                values = {"name": Said(said.value, said.record)}
                yield from Claims(row.uuid, kind, subject, said.record, values).differences(
                    {"name": name}
                )
