"""One picture at a time: fetch it, label it, store it; and end the generation after the last.

Each picture succeeds or fails by itself. The claim on a delivery belongs to a worker for as long
as its heartbeat goes on.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from generations import hints, lifecycle, live, storage
from generations.execution.backoff import wait_seconds
from generations.imaging import (
    ImageTooLarge,
    TruncatedImage,
    UnusableImage,
    extension,
    inspect,
)
from generations.labelling import (
    RECIPES,
    Badge,
    LabelFacts,
    LabelFailed,
    LabelledImage,
    Recipe,
    label,
)
from generations.models import Delivery, Generation, Image, Rendition, Run
from generations.providers import fetching, registry
from generations.providers.errors import Code, FetchFailed
from generations.states import Status

log = logging.getLogger(__name__)

MAX_BYTES = 64_000_000
FETCH_TIMEOUT_SECONDS = 120
MAX_TRIES = 8
FETCH_PATIENCE = timedelta(minutes=10)
# What GB 45438 calls the content producer; its alphabet knows no space.
PRODUCER = "Seedream-Studio"
CREDIT = "AI-generated with Seedream Studio"

FINAL = (Delivery.Status.STORED, Delivery.Status.FAILED)


def fetch(delivery_id: int, worker: str) -> None:
    """Bring one picture from its link into storage, unless someone else is at it."""
    delivery = _claim(delivery_id, Delivery.Status.PENDING, worker)
    if delivery is None:
        return
    with _released_after_accident(delivery):
        try:
            _bring(delivery)
        except FetchFailed as error:
            _after_failed_fetch(delivery, error)
        except UnusableImage as error:
            _give_up(delivery, _code_of(error))
        else:
            _pass_on(delivery)


def label_and_store(delivery_id: int, worker: str) -> None:
    """Make the renditions of one fetched picture and its image row. Fails closed."""
    delivery = _claim(delivery_id, Delivery.Status.FETCHED, worker)
    if delivery is None:
        return
    with _released_after_accident(delivery):
        if delivery.tries > MAX_TRIES:
            _give_up(delivery, Code.LABEL_FAILED)
            return
        try:
            original = storage.read(storage.originals(), delivery.original_name)
            image, renditions = _label(delivery, original)
        except UnusableImage as error:
            _give_up(delivery, _code_of(error))
        except LabelFailed:
            log.exception("label of %s failed", delivery.uuid)
            _give_up(delivery, Code.LABEL_FAILED)
        else:
            _store(delivery, image, renditions)
            finish(delivery.generation)


def finish(generation: Generation) -> bool:
    """End a generation whose pictures have all been stored or given up."""
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


@contextmanager
def _released_after_accident(delivery: Delivery) -> Iterator[None]:
    """An error nobody foresaw (a full disk, a lost database) must not keep the claim for ever."""
    try:
        yield
    except Exception:
        _release(delivery)
        raise


def _release(delivery: Delivery) -> None:
    """Let go of a claim, and let it be tried again a little later."""
    Delivery.objects.filter(pk=delivery.pk).exclude(status__in=FINAL).update(
        claimed_by="",
        next_action_at=timezone.now()
        + timedelta(seconds=wait_seconds(max(delivery.tries, 1), FetchFailed(final=False))),
    )


def _claim(delivery_id: int, status: Delivery.Status, worker: str) -> Delivery | None:
    claimed = Delivery.objects.filter(
        pk=delivery_id, status=status, claimed_by="", next_action_at__lte=timezone.now()
    ).update(claimed_by=worker, tries=F("tries") + 1)
    if not claimed:
        return None
    return Delivery.objects.select_related("generation__run").get(pk=delivery_id)


def _bring(delivery: Delivery) -> None:
    """The bytes into storage, unless a worker that died has left them there."""
    if storage.originals().exists(delivery.original_name):
        return
    data = fetching.fetch(
        delivery.url,
        max_bytes=MAX_BYTES,
        timeout=FETCH_TIMEOUT_SECONDS,
        private_hosts=tuple(settings.PROVIDER_PRIVATE_HOSTS),
    )
    try:
        inspect(data)
    except TruncatedImage as error:
        raise FetchFailed("truncated", final=False) from error
    storage.save_original(delivery.original_name, data)


def _pass_on(delivery: Delivery) -> None:
    with transaction.atomic():
        passed = Delivery.objects.filter(
            pk=delivery.pk, status=Delivery.Status.PENDING, claimed_by=delivery.claimed_by
        ).update(
            status=Delivery.Status.FETCHED, claimed_by="", tries=0, next_action_at=timezone.now()
        )
        if passed:
            hints.hint(hints.LABEL, delivery.pk)


def _after_failed_fetch(delivery: Delivery, error: FetchFailed) -> None:
    patience = FETCH_PATIENCE * settings.PROVIDER_TIME_SCALE
    too_late = timezone.now() - delivery.created_at > patience
    if error.final or delivery.tries >= MAX_TRIES or too_late:
        _give_up(delivery, error.code)
    else:
        _release(delivery)


def _code_of(error: UnusableImage) -> Code:
    return Code.IMAGE_TOO_LARGE if isinstance(error, ImageTooLarge) else Code.IMAGE_INVALID


def _give_up(delivery: Delivery, code: Code) -> None:
    generation = delivery.generation
    with transaction.atomic():
        given_up = (
            Delivery.objects.filter(pk=delivery.pk, claimed_by=delivery.claimed_by)
            .exclude(status__in=FINAL)
            .update(
                status=Delivery.Status.FAILED,
                error_code=str(code),
                claimed_by="",
                next_action_at=None,
            )
        )
        if given_up:
            audit.record(
                Event.IMAGE_MISSED,
                actor=None,
                subject=generation,
                story=generation.run.uuid,
                facts={"error": str(code), "index": delivery.index, "tries": delivery.tries},
            )
    finish(generation)


def _label(delivery: Delivery, original: bytes) -> tuple[Image, list[Rendition]]:
    """The image and its labelled files, files written, rows not yet."""
    facts = inspect(original)
    generation = delivery.generation
    image = Image(
        uuid=delivery.uuid,  # the same again if a worker dies half-way
        run=generation.run,
        team_id=generation.run.team_id,
        generation=generation,
        delivery=delivery,
        position=generation.position + delivery.index,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        bytes=len(original),
        original_name=delivery.original_name,
        original_sha256=hashlib.sha256(original).hexdigest(),
    )
    about = label_facts(generation, image)
    return image, [_rendition(image, original, recipe, about) for recipe in RECIPES]


def label_facts(generation: Generation, image: Image) -> LabelFacts:
    """What the label of an image says about where it came from; never the prompt."""
    engine = registry.known_engines().get(generation.run.engine)
    return LabelFacts(
        image_id=str(image.uuid),
        system=engine.label if engine else generation.run.engine,
        system_version=generation.model or (engine.model if engine else ""),
        credit=CREDIT,
        producer=PRODUCER,
    )


def _rendition(image: Image, original: bytes, recipe: Recipe, facts: LabelFacts) -> Rendition:
    labelled = label(original, facts=facts, recipe=recipe, badge=Badge())
    name = storage.rendition_name(
        image.uuid, recipe=recipe.name, extension=extension(labelled.format)
    )
    storage.save_rendition(name, labelled.data)
    return _rendition_row(image, recipe, name, labelled)


def _rendition_row(image: Image, recipe: Recipe, name: str, labelled: LabelledImage) -> Rendition:
    return Rendition(
        image=image,
        recipe=recipe.name,
        name=name,
        format=labelled.format,
        width=labelled.width,
        height=labelled.height,
        bytes=len(labelled.data),
        sha256=labelled.sha256,
        label_version=labelled.label_version,
    )


@transaction.atomic
def _store(delivery: Delivery, image: Image, renditions: list[Rendition]) -> None:
    stored = Delivery.objects.filter(
        pk=delivery.pk, status=Delivery.Status.FETCHED, claimed_by=delivery.claimed_by
    ).update(status=Delivery.Status.STORED, claimed_by="", next_action_at=None, error_code="")
    if not stored:
        return
    image.save(force_insert=True)
    for rendition in renditions:
        rendition.image = image
        rendition.save(force_insert=True)
    Generation.objects.filter(pk=image.generation_id).update(delivered=F("delivered") + 1)
    Run.objects.filter(pk=image.run_id).update(delivered=F("delivered") + 1)
    _record(image, renditions)
    live.bump(image.run.user_id)


def _record(image: Image, renditions: list[Rendition]) -> None:
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
            "renditions": {row.recipe: row.sha256 for row in renditions},
            "label_version": renditions[0].label_version,
        },
    )
