"""Freeing the claims of workers that are gone, and claims that nobody works on."""

import logging
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from generations.exports import ends
from generations.jobs import in_hand, lifecycle
from generations.jobs.execution import accidents, arriving, exporting, relabelling
from generations.jobs.execution.delivering import UNFINISHED
from generations.jobs.recovery.rows import Turn, each, with_run
from generations.models import Delivery, Export, Generation, Reference, Relabelling, Worker
from generations.providers.errors import Code
from generations.states import Status

log = logging.getLogger(__name__)

PENDING_REFERENCES = Q(status=Reference.Status.PENDING)


def free_forgotten(worker: str) -> int:
    """Free the claims of `worker`, of this process, on rows that nobody works on.

    Returns how many. Each row is treated as after the worker's death. The rows are read before the
    list `in_hand`: if their work ends in between, the compare-and-swap finds them changed.
    """
    submits = list(Generation.objects.filter(status=Status.SUBMITTING, claimed_by=worker))
    polls = list(Generation.objects.filter(status=Status.RUNNING, claimed_by=worker))
    deliveries = [
        row
        for status in UNFINISHED
        for row in Delivery.objects.filter(claimed_by=worker, status=status)
    ]
    references = list(Reference.objects.filter(PENDING_REFERENCES, claimed_by=worker))
    generations_in_hand = in_hand.keys(worker, Generation)
    deliveries_in_hand = in_hand.keys(worker, Delivery)
    references_in_hand = in_hand.keys(worker, Reference)
    exports = list(_exports().filter(claimed_by=worker))
    ended = list(ends.unremoved().filter(claimed_by=worker))
    exports_in_hand = in_hand.keys(worker, Export)
    orders = list(Relabelling.objects.filter(claimed_by=worker))
    orders_in_hand = in_hand.keys(worker, Relabelling)
    freed = each(_recover_submit, (row for row in submits if row.pk not in generations_in_hand))
    freed += each(_free_poll, (row for row in polls if row.pk not in generations_in_hand))
    freed += each(_free, (row for row in deliveries if row.pk not in deliveries_in_hand))
    freed += each(_free, (row for row in references if row.pk not in references_in_hand))
    freed += each(_free_export, (row for row in exports if row.pk not in exports_in_hand))
    freed += each(ends.let_go, (row for row in ended if row.pk not in exports_in_hand))
    freed += each(relabelling.free, (row for row in orders if row.pk not in orders_in_hand))
    if freed:
        log.warning("%d claims of this worker were forgotten and are free again", freed)
    return freed


def recover_submits(turn: Turn) -> int:
    """Settle submits whose worker is gone: queued again if that is safe, else unknown."""
    rows = Generation.objects.filter(_abandoned(), status=Status.SUBMITTING)
    return each(_recover_submit, with_run(rows), turn)


def free_polls(turn: Turn) -> int:
    """Make the tasks of workers that are gone due for a poll."""
    return Generation.objects.filter(_abandoned(), status=Status.RUNNING).update(
        claimed_by="", next_action_at=timezone.now()
    )


def free_deliveries(turn: Turn) -> int:
    """Make the deliveries of workers that are gone due."""
    now = timezone.now()
    rows = (Delivery.objects.filter(_abandoned(), status=status) for status in UNFINISHED)
    return sum(some.update(claimed_by="", next_action_at=now) for some in rows)


def free_references(turn: Turn) -> int:
    """Make the references of workers that are gone due for cleaning."""
    return Reference.objects.filter(_abandoned(), PENDING_REFERENCES).update(
        claimed_by="", next_action_at=timezone.now()
    )


def free_exports(turn: Turn) -> int:
    """Start exports anew whose worker is gone, and those that stand still.

    Those that were deleted meanwhile are let go.
    """
    abandoned = _exports().filter(_abandoned())
    ended = each(ends.let_go, ends.unremoved().filter(_abandoned()), turn)
    return ended + each(_free_export, [*abandoned, *exporting.standing_still()], turn)


def free_relabellings(turn: Turn) -> int:
    """Free the orders to label again whose worker is gone."""
    return each(relabelling.free, Relabelling.objects.filter(_abandoned()), turn)


def _exports() -> QuerySet[Export]:
    return Export.objects.filter(state=Export.State.MAKING)


def _free_export(export: Export) -> bool:
    now = timezone.now()
    again = {"state": Export.State.WAITING, "claimed_by": "", "next_action_at": now}
    return bool(ends.mine(export).update(**again))


def _abandoned() -> Q:
    return ~Q(claimed_by="") & ~Q(claimed_by__in=Worker.objects.values("pk"))


def _free_poll(generation: Generation) -> bool:
    mine = Generation.objects.filter(
        pk=generation.pk,
        status=Status.RUNNING,
        claimed_by=generation.claimed_by,
        next_action_at=generation.next_action_at,
    )
    return bool(mine.update(claimed_by="", next_action_at=timezone.now()))


def _free(row: Delivery | Reference) -> bool:
    mine = type(row)._default_manager.filter(
        pk=row.pk, status=row.status, claimed_by=row.claimed_by, tries=row.tries
    )
    return bool(mine.update(claimed_by="", next_action_at=timezone.now()))


def _recover_submit(generation: Generation) -> bool:
    mine = Q(submit_token=generation.submit_token)
    if _accepts_kept_answer(generation, mine):
        return True
    if generation.submitted_at is None or generation.idempotency_key:
        # Certainly not sent, or sent again with the same key and the same bytes.
        return lifecycle.move(
            generation,
            Status.QUEUED,
            guard=mine,
            facts={"why": "worker_gone"},
            changes={"claimed_by": "", "next_action_at": timezone.now(), **_doubt(generation)},
        )
    return lifecycle.move(
        generation,
        Status.UNKNOWN,
        guard=mine,
        facts={"why": "worker_gone"},
        changes={"claimed_by": "", "error_code": str(Code.OUTCOME_UNKNOWN)},
    )


def _accepts_kept_answer(generation: Generation, mine: Q) -> bool:
    """Whether images that the worker had stored were accepted as the answer."""
    try:
        return arriving.accept_kept(generation, guard=mine)
    except Exception as error:
        if accidents.is_ours(error):
            raise  # a later round accepts it
        log.exception("the kept answer of %s could not be used", generation.uuid)
        return False


def _doubt(generation: Generation) -> dict[str, Any]:
    """The columns that bind a generation to its key, if the provider may have the order."""
    if generation.submitted_at is None:
        return {}
    since = generation.retrying_since or timezone.now()
    return {"error_code": str(Code.OUTCOME_UNKNOWN), "retrying_since": since}
