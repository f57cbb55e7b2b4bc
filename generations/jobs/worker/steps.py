"""The steps of a worker: the queue of each, what is due, and how to work on one row."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from generations.jobs import dispatch, hints
from generations.jobs.execution import (
    adopting,
    converting,
    delivering,
    exporting,
    preparing,
    relabelling,
    submitting,
)
from generations.jobs.worker.crews import Round, Step, one_by_one
from generations.queues import IMAGES, PROVIDER

FETCHES_AT_ONCE = 8
READS_AT_ONCE = 4
# Two, so that a large export does not hold up all others.
EXPORTS_AT_ONCE = 2
# These have no hints: the worker's look at the table is soon enough.
EXPORT, RELABEL = "generations.export", "generations.relabel"
CONVERT = "generations.convert"


def steps_for(queues: list[str]) -> list[Step]:
    """The steps of a worker that serves `queues`."""
    submit = Step(
        name=hints.SUBMIT,
        queue=PROVIDER,
        threads=settings.WORKER_THREADS,
        is_due=dispatch.is_anyone_waiting,
        do_next=_submit_next,
    )
    steps = [
        submit,
        _of_rows(hints.FETCH, PROVIDER, FETCHES_AT_ONCE, delivering.to_fetch, delivering.fetch),
        _of_rows(hints.ADOPT, PROVIDER, READS_AT_ONCE, adopting.to_adopt, _adopt),
        _of_rows(hints.LOOK_UP, PROVIDER, READS_AT_ONCE, adopting.to_look_up, _look_up),
        _of_rows(hints.PREPARE, IMAGES, 1, preparing.due, preparing.prepare),
        _of_rows(
            hints.LABEL, IMAGES, settings.CORES, delivering.to_label, delivering.label_and_store
        ),
        _of_rows(CONVERT, IMAGES, 1, converting.due, converting.convert),
        Step(EXPORT, IMAGES, EXPORTS_AT_ONCE, lambda: exporting.due().exists(), _export_next),
        Step(RELABEL, IMAGES, 1, lambda: relabelling.due().exists(), _relabel_next),
    ]
    return [step for step in steps if step.queue in queues]


def _of_rows(
    name: str,
    queue: str,
    threads: int,
    due: Callable[[], QuerySet[Any]],
    do: Callable[[int, str], object],
) -> Step:
    return Step(name, queue, threads, lambda: due().exists(), one_by_one(due, do))


def _submit_next(this_round: Round) -> bool:
    return submitting.submit_next(this_round.worker, claimed=this_round.more)


def _export_next(this_round: Round) -> bool:
    make = partial(exporting.make, is_closed=this_round.is_closed)
    return one_by_one(exporting.due, make)(this_round)


def _relabel_next(this_round: Round) -> bool:
    work = partial(relabelling.work, is_closed=this_round.is_closed)
    return one_by_one(relabelling.due, work)(this_round)


def _adopt(event: int, worker: str) -> bool:
    return adopting.adopt_from(event)


def _look_up(generation: int, worker: str) -> bool:
    return adopting.look_up(generation)
