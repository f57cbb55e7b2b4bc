"""An answer with pictures arrives: keep it, then give every picture a delivery of its own.

Engines that stream bring their pictures one by one: each gets its delivery at once, while the
answer is still on its way.
"""

import logging
from collections.abc import Iterable
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generations import hints, lifecycle, storage
from generations.execution import delivering
from generations.models import Delivery, Generation
from generations.providers.errors import Code
from generations.providers.types import ImageError, InlineImage, RemoteImage, Result, ResultImage
from generations.states import Status

log = logging.getLogger(__name__)


def accept(
    generation: Generation,
    result: Result,
    *,
    expect: Iterable[Status] | None = None,
    guard: Q | None = None,
) -> bool:
    """Take a provider's result: bytes into storage first, then the move to `storing`.

    False when the row has moved on meanwhile; the bytes then stay where they are, unused.
    """
    for index, image in enumerate(result.images):
        _keep_inline(generation, index, image)
    with transaction.atomic():
        moved = lifecycle.move(
            generation,
            Status.STORING,
            expect=expect,
            guard=guard,
            facts={
                "images": len(result.images),
                "model": result.model,
                "answer": {name: str(value) for name, value in result.raw.items()},
            },
            changes={
                "claimed_by": "",
                "next_action_at": None,
                "model": result.model[:200],
                "cost_usd": _cost(generation, result),
                "seed": result.seed,
                "request_id": result.request_id[:200] or generation.request_id,
            },
        )
        if moved:
            _open_deliveries(generation, result)
    if moved:
        delivering.finish(generation)  # nothing may be left to do
    return moved


def take_early(generation: Generation, index: int, image: ResultImage) -> None:
    """Take one picture while its answer is still on its way.

    Trouble here is no reason to break off an answer that is paid for: its end names all pictures
    once more.
    """
    try:
        _keep_inline(generation, index, image)
        with transaction.atomic():
            _take_early(generation, index, image)
    except Exception:
        log.exception("picture %d of %s could not be taken early", index, generation.uuid)


def kept_answer(generation: Generation) -> Result | None:
    """What came of an answer that nobody could take to its end; None where nothing came.

    Pictures that were taken early stand in for the whole: what is missing broke off with them.
    Otherwise the bytes that a worker kept before it died are the whole answer.
    """
    early = list(generation.deliveries.order_by("index"))
    if early:
        broken_off = ImageError(code=Code.OUTCOME_UNKNOWN, raw_code="the answer broke off")
        images = {delivery.index: _as_image(delivery) for delivery in early}
        places = range(max(images) + 2)
        return Result(images=tuple(images.get(place, broken_off) for place in places))
    kept: list[ResultImage] = []
    while storage.originals().exists(_name(generation, len(kept))):
        kept.append(InlineImage(storage.read(storage.originals(), _name(generation, len(kept)))))
    return Result(images=tuple(kept)) if kept else None


def _take_early(generation: Generation, index: int, image: ResultImage) -> None:
    """The row is locked, so that nobody rules on it between the look and the delivery."""
    mine = Generation.objects.select_for_update().filter(
        pk=generation.pk, submit_token=generation.submit_token, status=Status.SUBMITTING
    )
    if mine.exists() and not generation.deliveries.filter(index=index).exists():
        _open_delivery(generation, index, image)


def _as_image(delivery: Delivery) -> ResultImage:
    if delivery.error_code and not delivery.url:
        return ImageError(code=delivery.error_code)
    return RemoteImage(url=delivery.url, expires_at=delivery.expires_at)


def _cost(generation: Generation, result: Result) -> Decimal:
    """US dollars: the provider's own figure, else the price of what came."""
    if result.cost_usd is not None:
        return result.cost_usd
    came = sum(not isinstance(image, ImageError) for image in result.images)
    return generation.price.cost_usd * came


def _keep_inline(generation: Generation, index: int, image: ResultImage) -> None:
    if isinstance(image, InlineImage):
        storage.save_original(_name(generation, index), image.data)


def _name(generation: Generation, index: int) -> str:
    return storage.original_name(generation.uuid, attempt=generation.attempt, index=index)


def _open_deliveries(generation: Generation, result: Result) -> None:
    begun = set(generation.deliveries.values_list("index", flat=True))
    for index, image in enumerate(result.images):
        if index not in begun:
            _open_delivery(generation, index, image)


def _open_delivery(generation: Generation, index: int, image: ResultImage) -> None:
    delivery = _delivery(generation, index, image)
    delivery.save()
    if delivery.status == Delivery.Status.PENDING:
        hints.hint(hints.FETCH, delivery.pk)
    elif delivery.status == Delivery.Status.FETCHED:
        hints.hint(hints.LABEL, delivery.pk)


def _delivery(generation: Generation, index: int, image: ResultImage) -> Delivery:
    delivery = Delivery(
        generation=generation,
        index=index,
        original_name=_name(generation, index),
        next_action_at=timezone.now(),
    )
    if isinstance(image, RemoteImage):
        delivery.url, delivery.expires_at = image.url, image.expires_at
    elif isinstance(image, InlineImage):
        delivery.status = Delivery.Status.FETCHED
    elif isinstance(image, ImageError):
        delivery.status, delivery.error_code = Delivery.Status.FAILED, image.code
        delivery.next_action_at = None
    return delivery
