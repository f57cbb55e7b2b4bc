"""What became of runs, from their records alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.events import Event

PENDING, UNKNOWN, SUCCEEDED = "pending", "unknown", "succeeded"
PARTIAL, CANCELLED, FAILED = "partial", "cancelled", "failed"
STATUSES = (PENDING, UNKNOWN, SUCCEEDED, PARTIAL, CANCELLED, FAILED)
# The records that say what became of a generation.
ENDS = (
    Event.GENERATION_SUCCEEDED,
    Event.GENERATION_FAILED,
    Event.GENERATION_CANCELLED,
    Event.GENERATION_UNKNOWN,
)
TELLING = (*ENDS, Event.RUN_RETRIED)


@dataclass(frozen=True)
class Outcome:
    """What became of a run: one of the statuses above, and how many images there are of `wanted`.

    `error` is the code of the newest failure, or empty.
    """

    status: str
    delivered: int
    wanted: int
    error: str


def outcomes_of(submitted: Iterable[Any], records: QuerySet[Any]) -> dict[UUID, Outcome]:
    """Return the outcome of each run, by its story.

    `submitted` are records of `run:submitted`; `records` are all records, of which only those that
    tell an outcome are read.
    """
    heads = {record.story: record for record in submitted}
    later: dict[UUID, list[Any]] = {story: [] for story in heads}
    if heads:
        telling = records.filter(story__in=list(heads), event__in=[str(each) for each in TELLING])
        columns = "story", "event", "subject_id", "facts"
        for record in telling.order_by("pk").values_list(*columns, named=True):
            later[record.story].append(record)
    return {story: outcome_of(head, later[story]) for story, head in heads.items()}


def outcome_of(submitted: Any, later: Iterable[Any]) -> Outcome:
    """Return the outcome of a run; `later` are the records that tell it, oldest first."""
    wanted = _number(submitted.facts, "images")
    ended: dict[UUID, Any] = {}
    is_again = False
    for record in later:
        is_again = record.event == Event.RUN_RETRIED
        if not is_again:
            ended[record.subject_id] = record
    delivered = sum(_number(record.facts, "delivered") for record in ended.values())
    errors = [record.facts.get("error", "") for record in ended.values()]
    is_open = is_again or len(ended) < len(submitted.facts.get("generations", ())) or not ended
    status = (
        PENDING if is_open else _status({each.event for each in ended.values()}, delivered, wanted)
    )
    return Outcome(status, delivered, wanted, next(filter(None, reversed(errors)), ""))


def _status(ends: set[str], delivered: int, wanted: int) -> str:
    if Event.GENERATION_UNKNOWN in ends:
        return UNKNOWN
    # A set asks for a maximum, and is complete with fewer.
    if delivered and (delivered >= wanted or ends == {Event.GENERATION_SUCCEEDED}):
        return SUCCEEDED
    if delivered:
        return PARTIAL
    return CANCELLED if ends == {Event.GENERATION_CANCELLED} else FAILED


def _number(facts: dict[str, Any], name: str) -> int:
    value = facts.get(name)
    return value if isinstance(value, int) else 0
