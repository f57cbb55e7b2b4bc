"""One image at a time: fetch it, label it, store it; and end the generation after the last.

Each image succeeds or fails separately. A worker keeps its claim on a delivery while its heartbeat
continues. Retries are bounded: faults of the provider or of the image use up `tries`. Trouble of
the studio's own is counted separately and waited out (`accidents.py`).
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from generations import live, storage, usage
from generations.imaging import ImageTooLarge, TruncatedImage, UnusableImage, inspect
from generations.jobs import hints, in_hand, lifecycle
from generations.jobs.execution import accidents, positions, renditions, upstream
from generations.jobs.execution.backoff import accident_seconds, fetch_seconds
from generations.labelling import LabelFailed
from generations.models import Delivery, Generation, Image, Rendition, Run, prompt_index
from generations.providers import fetching
from generations.providers.capabilities import AS_REFERENCE
from generations.providers.errors import Code, FetchFailed
from generations.states import Status

log = logging.getLogger(__name__)

MAX_BYTES = 64_000_000
FETCH_TIMEOUT_SECONDS = 120
MAX_TRIES = 8
# A minute apart from the seventh on, so this is about a day. Then the image fails, and an admin can
# have it tried again.
MAX_ACCIDENTS = 1440
# How long to repeat the final write while the database is away. Later, recovery frees the claim.
WRITE_SECONDS = 60
FINAL = (Delivery.Status.STORED, Delivery.Status.FAILED)
# What the record of an image says of each labelled file.
FILE_FACTS = (
    *("recipe", "sha256", "format", "width", "height", "bytes", "label_version"),
    *("capitals", "mark_key", "certificate", "is_stamped"),
)
UNFINISHED = (Delivery.Status.PENDING, Delivery.Status.FETCHED)


def to_fetch() -> QuerySet[Delivery]:
    """Images that are due to be fetched and not claimed, the longest due first."""
    return _due(Delivery.Status.PENDING)


def to_label() -> QuerySet[Delivery]:
    """Images that are due to be labelled and not claimed, the longest due first."""
    return _due(Delivery.Status.FETCHED)


def _due(status: Delivery.Status) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        status=status, claimed_by="", next_action_at__lte=timezone.now()
    ).order_by("next_action_at", "id")


def fetch(delivery_id: int, worker: str) -> None:
    """Fetch one image from its link into storage, unless it is claimed already."""
    if delivery := _claim(delivery_id, Delivery.Status.PENDING, worker):
        _try(delivery, _fetch)


def label_and_store(delivery_id: int, worker: str) -> None:
    """Make the renditions of one fetched image and store its rows, unless it is claimed already.

    If an image can't be labelled, it fails and nobody gets it.
    """
    if delivery := _claim(delivery_id, Delivery.Status.FETCHED, worker):
        _try(delivery, _label_and_store)


def finish(generation: Generation) -> bool:
    """End a generation whose images are all stored or failed; returns whether it ended."""
    deliveries = list(generation.deliveries.all())
    if any(delivery.status not in FINAL for delivery in deliveries):
        return False
    generation.refresh_from_db()
    if generation.delivered:
        return lifecycle.move(generation, Status.SUCCEEDED, expect=[Status.STORING])
    code = next((d.error_code for d in deliveries if d.error_code), Code.BAD_RESPONSE)
    return lifecycle.move(
        generation,
        Status.FAILED,
        expect=[Status.STORING],
        facts={"error": str(code)},
        changes={"error_code": str(code)},
    )


def _try(delivery: Delivery, step: Callable[[Delivery], None]) -> None:
    """Do one step for a claimed image. An exception is written down on the row."""
    try:
        step(delivery)
    except Exception as error:
        accidents.with_retries(partial(_after_trouble, delivery, error), seconds=WRITE_SECONDS)


def _fetch(delivery: Delivery) -> None:
    _bring(delivery)
    _pass_on(delivery)


def _label_and_store(delivery: Delivery) -> None:
    original = storage.read(storage.originals(), delivery.original_name)
    image, labelled = renditions.make(delivery, original)
    image.arrived_with = upstream.look(original, image.run)
    _store(delivery, image, labelled)
    finish(delivery.generation)
    if delivery.tries > 1 or delivery.accidents:
        _delete_unnamed(delivery)


def _delete_unnamed(delivery: Delivery) -> None:
    """Delete the labelled files of earlier tries: a signature gives each try other bytes."""
    if Delivery.objects.filter(pk=delivery.pk, status__in=FINAL).exists():
        rows = Rendition.objects.filter(image__uuid=delivery.uuid)
        storage.erase_unnamed(delivery.uuid, named=set(rows.values_list("name", flat=True)))


def _after_trouble(delivery: Delivery, error: Exception) -> None:
    if accidents.is_ours(error):
        _after_accident(delivery, error)
    elif isinstance(error, UnusableImage):
        too_large = isinstance(error, ImageTooLarge)
        _give_up(delivery, Code.IMAGE_TOO_LARGE if too_large else Code.IMAGE_INVALID)
    elif isinstance(error, LabelFailed):
        log.error("label of %s failed", delivery.uuid, exc_info=error)
        _give_up(delivery, Code.LABEL_FAILED)
    elif isinstance(error, FetchFailed) and (error.final or _is_past_its_link(delivery)):
        _give_up(delivery, error.code)
    else:
        _after_fault(delivery, error)


def _after_accident(delivery: Delivery, error: Exception) -> None:
    """Wait after trouble of the studio's own; the try does not count."""
    accidents.reconnect()
    log.warning("%s while %s was worked on; it waits", type(error).__name__, delivery.uuid)
    if delivery.accidents + 1 >= MAX_ACCIDENTS:
        _give_up(delivery, _code_at(delivery))
    else:
        wait = accident_seconds(delivery.accidents + 1)
        _release(delivery, wait, tries=delivery.tries - 1, accidents=delivery.accidents + 1)


def _after_fault(delivery: Delivery, error: Exception) -> None:
    """Try again later, or give up after MAX_TRIES."""
    if not isinstance(error, FetchFailed):
        log.error("%s could not be worked on", delivery.uuid, exc_info=error)
    if delivery.tries >= MAX_TRIES:
        _give_up(delivery, error.code if isinstance(error, FetchFailed) else _code_at(delivery))
    else:
        _release(delivery, fetch_seconds(delivery.tries))


def _release(delivery: Delivery, seconds: float, **counts: int) -> None:
    """Release a claim, and try again after `seconds`."""
    due = timezone.now() + timedelta(seconds=seconds)
    _mine(delivery).update(claimed_by="", next_action_at=due, **counts)


def _mine(delivery: Delivery) -> QuerySet[Delivery]:
    """The row, if it still has the status and claim that this worker saw."""
    return Delivery.objects.filter(
        pk=delivery.pk, status=delivery.status, claimed_by=delivery.claimed_by
    )


def _claim(delivery_id: int, status: Delivery.Status, worker: str) -> Delivery | None:
    in_hand.take(worker, Delivery(pk=delivery_id))
    due = _due(status).filter(pk=delivery_id)
    if not due.update(claimed_by=worker, tries=F("tries") + 1):
        return None
    return Delivery.objects.select_related("generation__run__team").get(pk=delivery_id)


def _bring(delivery: Delivery) -> None:
    """Fetch the bytes into storage, unless an earlier try has stored them.

    What the provider sent is kept even if it is unusable, because it may be billed.
    """
    if storage.has_original(delivery.original_name):
        return
    data = _fetched(delivery)
    try:
        inspect(data)
    except TruncatedImage as error:
        if delivery.tries < MAX_TRIES:
            raise FetchFailed("truncated", final=False) from error
    except UnusableImage:
        pass  # labelling refuses it, as it refuses images that came within an answer
    storage.save_original(delivery.original_name, data)


def _fetched(delivery: Delivery) -> bytes:
    """The bytes behind the link. Raises FetchFailed, or trouble of the studio's own."""
    try:
        return fetching.fetch(
            delivery.url,
            max_bytes=MAX_BYTES,
            timeout=FETCH_TIMEOUT_SECONDS,
            private_hosts=tuple(settings.PROVIDER_PRIVATE_HOSTS),
        )
    except FetchFailed:
        raise
    except Exception as error:
        if accidents.is_ours(error):
            raise
        # Its text may hold the link, which is a secret while it works.
        log.warning("%s while %s was fetched", type(error).__name__, delivery.uuid)
        raise FetchFailed(type(error).__name__, final=False) from None


def _pass_on(delivery: Delivery) -> None:
    with transaction.atomic():
        passed = _mine(delivery).update(
            status=Delivery.Status.FETCHED,
            claimed_by="",
            tries=0,
            accidents=0,
            next_action_at=timezone.now(),
        )
        if passed:
            hints.hint(hints.LABEL)


def _is_past_its_link(delivery: Delivery) -> bool:
    return delivery.expires_at is not None and delivery.expires_at < timezone.now()


def _code_at(delivery: Delivery) -> Code:
    """The code for an unforeseen error, by the step that failed."""
    pending = delivery.status == Delivery.Status.PENDING
    return Code.IMAGE_UNREACHABLE if pending else Code.LABEL_FAILED


def _give_up(delivery: Delivery, code: Code) -> None:
    generation = delivery.generation
    kept = _is_kept(delivery)
    with transaction.atomic():
        given_up = _mine(delivery).update(
            status=Delivery.Status.FAILED,
            error_code=str(code),
            claimed_by="",
            next_action_at=None,
        )
        if given_up:
            audit.record(
                Event.IMAGE_MISSED,
                actor=None,
                subject=generation,
                story=generation.run.uuid,
                facts={
                    "error": str(code),
                    "index": delivery.index,
                    "tries": delivery.tries,
                    "accidents": delivery.accidents,
                    "original_kept": kept,
                },
            )
    finish(generation)
    with suppress(storage.StorageAway):
        _delete_unnamed(delivery)


def _is_kept(delivery: Delivery) -> bool | None:
    """Whether the provider's file is in storage; None while storage is away."""
    try:
        return storage.has_original(delivery.original_name)
    except storage.StorageAway:
        return None


@transaction.atomic
def _store(delivery: Delivery, image: Image, labelled: list[Rendition]) -> None:
    stored = _mine(delivery).update(
        status=Delivery.Status.STORED, claimed_by="", next_action_at=None, error_code=""
    )
    if not stored:
        return
    Generation.objects.filter(pk=image.generation_id).update(delivered=F("delivered") + 1)
    Run.objects.filter(pk=image.run_id).update(delivered=F("delivered") + 1)
    # The run's row is locked now, so its images choose their positions one after the other.
    image.position = positions.position_of(delivery)
    image.save(force_insert=True)
    if image.run.options.get("aspect_ratio") == AS_REFERENCE:
        prompt_index.note_shape(image.run_id, image.width, image.height)
    for rendition in labelled:
        rendition.image = image
        rendition.save(force_insert=True)
    _record(image, labelled)
    upstream.note(image.run.engine, image.arrived_with)
    usage.stored(delivery.generation)
    live.bump(image.run.user_id)


def _record(image: Image, labelled: list[Rendition]) -> None:
    audit.record(
        Event.IMAGE_STORED,
        actor=None,
        subject=image,
        story=image.run.uuid,
        facts={
            "generation": str(image.generation.uuid),
            "position": image.position,
            "width": image.width,
            "height": image.height,
            "format": image.format,
            "model": image.generation.model,
            "original_sha256": image.original_sha256,
            "renditions": {row.recipe: row.sha256 for row in labelled},
            "label_version": labelled[0].label_version,
            "files": [{name: getattr(row, name) for name in FILE_FACTS} for row in labelled],
            "label": renditions.label_in_words(image),
            "arrived_with": image.arrived_with,
        },
    )
