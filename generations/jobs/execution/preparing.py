"""Preparing uploads: a worker decodes, cleans and stores them before their runs are sent.

A web process only reads the header and stores the file. Decoding takes processor time and memory,
so it happens here. A worker keeps its claim on a reference while its heartbeat continues. If it
dies between two steps, the row is due again, and a leftover file is swept.
"""

import hashlib
import logging
from datetime import timedelta
from itertools import islice
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.stored_texts import in_english
from generations import live, storage
from generations.imaging import UnusableImage, clean_reference
from generations.jobs import hints, in_hand, lifecycle
from generations.jobs.execution.backoff import accident_seconds
from generations.models import Generation, Reference, RunReference
from generations.providers.errors import Code
from generations.states import Status

log = logging.getLogger(__name__)

MAX_TRIES = 5
# How long a full disk or absent storage is waited out. This uses up no tries.
PATIENCE = timedelta(hours=24)
# The first pause is that of the fourth accident, some ten seconds, because cleaning is costly.
PAUSED_AT_LEAST = 4
# Far longer than a request takes from storing an upload to committing its row.
LEFT_OVER_AFTER = timedelta(hours=1)
BATCH = 100

Columns = dict[str, Any]


class _Broken(Exception):
    """Cleaning itself failed, which uses up a try."""


def due() -> QuerySet[Reference]:
    """The uploads that may be cleaned now, the longest waiting first."""
    pending = Reference.objects.filter(status=Reference.Status.PENDING, claimed_by="")
    return pending.filter(next_action_at__lte=timezone.now()).order_by("next_action_at")


def prepare(reference_id: int, worker: str) -> None:
    """Clean one upload, unless it is claimed already, and release the generations that wait for it.

    If the upload can't be used, those generations fail with the reason, and credits are returned.
    """
    reference = _claim(reference_id, worker)
    if reference is None:
        return
    try:
        _decide(reference)
    except Exception as error:
        _release(reference, counts=isinstance(error, _Broken))
        raise
    waiting = RunReference.objects.filter(reference=reference).values("run")
    settle_waiting(Generation.objects.filter(run__in=waiting))
    _forget_upload(reference.upload_sha256)


def settle_waiting(among: QuerySet[Generation] | None = None) -> int:
    """Release or end the generations whose references are all ready or refused; returns how many.

    A row that raises does not keep the others waiting.
    """
    rows = Generation.objects.all() if among is None else among
    awaited = RunReference.objects.filter(
        run=OuterRef("run"), reference__status=Reference.Status.PENDING
    )
    over = rows.filter(~Exists(awaited), status=Status.QUEUED, preparing_since__isnull=False)
    settled = 0
    # In the order of the index `generation_preparing`, so that it is used.
    for generation in over.select_related("run", "price").order_by("run")[:BATCH]:
        try:
            settled += _settle(generation)
        except Exception:
            log.exception("%s still waits for its references", generation.uuid)
    return settled


def sweep_uploads() -> int:
    """Delete uploads that no reference waits for any more; returns how many."""
    stale = storage.uploads_before(timezone.now() - LEFT_OVER_AFTER)
    return sum(_forget_upload(sha256) for sha256 in islice(stale, BATCH * 10))


# --- One upload ----------------------------------------------------------------------------------


def _claim(reference_id: int, worker: str) -> Reference | None:
    in_hand.take(worker, Reference(pk=reference_id))
    claimed = due().filter(pk=reference_id).update(claimed_by=worker, tries=F("tries") + 1)
    return Reference.objects.get(pk=reference_id) if claimed else None


@in_english()
def _decide(reference: Reference) -> None:
    too_late = timezone.now() - reference.created_at > PATIENCE
    try:
        if reference.tries > MAX_TRIES or too_late:
            raise UnusableImage(_("The studio could not prepare the image. Upload it again."))
        columns = _known(reference) or _cleaned(reference)
    except UnusableImage as error:
        _refuse(reference, str(error.message))
    else:
        _accept(reference, columns)


def _known(reference: Reference) -> Columns | None:
    """The result of cleaning the same bytes before. Raises UnusableImage if they were refused."""
    same = Reference.objects.filter(upload_sha256=reference.upload_sha256)
    twin = same.cleaned_from(reference.upload_sha256).first()
    if twin:
        return twin.cleaned
    refused = same.filter(status=Reference.Status.REFUSED).first()
    if refused and not storage.originals().exists(storage.upload_name(reference.upload_sha256)):
        raise UnusableImage(refused.problem)
    return None


def _cleaned(reference: Reference) -> Columns:
    """Store the upload's image without metadata; returns its columns. Raises UnusableImage."""
    data = _upload(reference)
    try:
        clean = clean_reference(data)
    except (UnusableImage, MemoryError):
        raise
    except Exception as error:
        raise _Broken from error
    sha256 = hashlib.sha256(clean.data).hexdigest()
    name = storage.reference_name(sha256)
    if not storage.originals().exists(name):
        storage.originals().save(name, ContentFile(clean.data))
    return {
        "name": name,
        "sha256": sha256,
        "format": clean.format,
        "width": clean.width,
        "height": clean.height,
    }


def _upload(reference: Reference) -> bytes:
    try:
        return storage.read(storage.originals(), storage.upload_name(reference.upload_sha256))
    except FileNotFoundError as error:
        raise _Broken from error


def _accept(reference: Reference, columns: Columns) -> None:
    facts = {name: columns[name] for name in ("sha256", "format", "width", "height")}
    _end(reference, Reference.Status.READY, columns, Event.REFERENCE_CLEANED, facts)


def _refuse(reference: Reference, problem: str) -> None:
    columns, facts = {"problem": problem[:300]}, {"problem": problem}
    _end(reference, Reference.Status.REFUSED, columns, Event.REFERENCE_REFUSED, facts)


@transaction.atomic
def _end(
    reference: Reference, status: Reference.Status, columns: Columns, event: Event, facts: Columns
) -> None:
    mine = Reference.objects.filter(
        pk=reference.pk, status=Reference.Status.PENDING, claimed_by=reference.claimed_by
    )
    if mine.update(status=status, claimed_by="", next_action_at=None, **columns):
        facts = {"upload_sha256": reference.upload_sha256} | facts
        audit.record(event, actor=None, subject=reference, facts=facts)


def _release(reference: Reference, *, counts: bool) -> None:
    """Release a claim. `counts` says whether the failure uses up a try."""
    tries = reference.tries if counts else reference.tries - 1
    pause = timedelta(seconds=accident_seconds(max(reference.tries, PAUSED_AT_LEAST)))
    Reference.objects.filter(
        pk=reference.pk, status=Reference.Status.PENDING, claimed_by=reference.claimed_by
    ).update(claimed_by="", tries=tries, next_action_at=timezone.now() + pause)


def _forget_upload(sha256: str) -> bool:
    """Delete an upload, which may say where a photo was taken, once no reference waits for it."""
    awaited = Reference.objects.filter(upload_sha256=sha256, status=Reference.Status.PENDING)
    if awaited.exists():
        return False
    storage.remove(storage.upload_name(sha256))
    return True


# --- The generations that wait for it -------------------------------------------------------------


def _settle(generation: Generation) -> bool:
    given = generation.run.run_references.select_related("reference")
    refused = given.filter(reference__status=Reference.Status.REFUSED).first()
    return _fail(generation, refused.reference) if refused else _let_go(generation)


def _fail(generation: Generation, refused: Reference) -> bool:
    code = str(Code.REFERENCE_REJECTED)
    return lifecycle.move(
        generation,
        Status.FAILED,
        expect=[Status.QUEUED],
        guard=Q(preparing_since__isnull=False),
        facts={"error": code, "reference": str(refused.uuid), "problem": refused.problem},
        changes={"error_code": code, "preparing_since": None},
    )


@transaction.atomic
def _let_go(generation: Generation) -> bool:
    waiting = Generation.objects.filter(
        pk=generation.pk, status=Status.QUEUED, preparing_since__isnull=False
    )
    if not waiting.update(preparing_since=None):
        return False
    live.bump(generation.run.user_id)
    hints.hint(hints.SUBMIT)
    return True
