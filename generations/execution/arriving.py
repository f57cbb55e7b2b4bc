"""An answer with pictures arrives: keep it, then give every picture a delivery of its own."""

from collections.abc import Iterable
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generations import hints, lifecycle, storage
from generations.models import Delivery, Generation
from generations.providers.types import ImageError, InlineImage, RemoteImage, Result, ResultImage
from generations.states import Status


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
    _keep_inline(generation, result)
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
    return moved


def stored_answer(generation: Generation) -> Result | None:
    """The pictures of an answer that was kept by a worker that died before it could say so."""
    images: list[ResultImage] = []
    while storage.originals().exists(_name(generation, len(images))):
        data = storage.read(storage.originals(), _name(generation, len(images)))
        images.append(InlineImage(data))
    return Result(images=tuple(images)) if images else None


def _cost(generation: Generation, result: Result) -> Decimal:
    """US dollars: the provider's own figure, else the price of what came."""
    if result.cost_usd is not None:
        return result.cost_usd
    came = sum(not isinstance(image, ImageError) for image in result.images)
    return generation.price.cost_usd * came


def _keep_inline(generation: Generation, result: Result) -> None:
    for index, image in enumerate(result.images):
        if isinstance(image, InlineImage):
            storage.save_original(_name(generation, index), image.data)


def _name(generation: Generation, index: int) -> str:
    return storage.original_name(generation.uuid, attempt=generation.attempt, index=index)


def _open_deliveries(generation: Generation, result: Result) -> None:
    for index, image in enumerate(result.images):
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
