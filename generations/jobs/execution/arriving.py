"""Accepting an answer with images: it is stored, and each image gets its own delivery.

Engines that stream send their images one by one. Each gets its delivery at once, while the answer
is still arriving.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generations import pricing, storage
from generations.jobs import hints, lifecycle
from generations.jobs.execution import accidents, delivering, told
from generations.models import Delivery, Generation
from generations.providers.answers import short
from generations.providers.errors import Code
from generations.providers.types import ImageError, InlineImage, RemoteImage, Result, ResultImage
from generations.states import Status

log = logging.getLogger(__name__)

# A bound on what a provider says: no engine makes half as many in one request.
MOST_IMAGES = 64
LONGEST_LINK_LIFE = timedelta(days=30)
SMALLEST_SEED, LARGEST_SEED = -(2**63), 2**63 - 1
# The most that the column holds.
MOST_USD = Decimal(9_999_999)


def accept(
    generation: Generation,
    result: Result,
    *,
    expect: Iterable[Status] | None = None,
    guard: Q | None = None,
) -> bool:
    """Accept a provider's result: store its bytes, then move the generation to `storing`.

    Returns False if the generation has moved on in the meantime. The bytes then stay in storage,
    unused.
    """
    images = result.images[:MOST_IMAGES]
    for index, image in enumerate(images):
        _keep_inline(generation, index, image)
    columns, text = _columns(generation, result), told.text_of_answer(result.answer)
    with transaction.atomic():
        moved = lifecycle.move(
            generation,
            Status.STORING,
            expect=expect,
            guard=guard,
            facts={
                "images": len(images),
                "model": short(result.model),
                "answer": told.values(result.raw),
                "seed": columns["seed"],
                "cost_usd": str(columns["cost_usd"]),
                "cost_told": _is_plausible(result.cost_usd),
                "provider_request_id": columns["request_id"],
                **told.facts_of_answer(result.answer),
            },
            personal=text,
            changes={"claimed_by": "", "next_action_at": None, **columns},
        )
        if moved:
            _open_deliveries(generation, images)
    if moved:
        _note_bill(generation, result)
        delivering.finish(generation)  # if every image failed, nothing is left to do
    return moved


def take_early(generation: Generation, index: int, image: ResultImage) -> None:
    """Accept one image while its answer is still arriving.

    Never raises, because the answer is paid for and must be read to its end, which names all images
    again.
    """
    try:
        _keep_inline(generation, index, image)
        with transaction.atomic():
            _take_early(generation, index, image)
    except Exception:
        accidents.reconnect()
        log.exception("image %d of %s could not be taken early", index, generation.uuid)


def accept_kept(generation: Generation, *, guard: Q) -> bool:
    """Accept the `kept_answer`, if there is one; returns whether it was accepted."""
    kept = kept_answer(generation)
    return kept is not None and accept(generation, kept, guard=guard)


def kept_answer(generation: Generation) -> Result | None:
    """The images of an answer that did not arrive completely; None if there are none.

    If images were accepted early, they are the result, and one more counts as broken off. Otherwise
    the result is the bytes that a worker stored before it died.
    """
    early = list(generation.deliveries.order_by("index"))
    if early:
        broken_off = ImageError(code=Code.OUTCOME_UNKNOWN, raw_code="the answer broke off")
        images = {delivery.index: _as_image(delivery) for delivery in early}
        indexes = range(max(images) + 2)
        return Result(images=tuple(images.get(index, broken_off) for index in indexes))
    kept: list[ResultImage] = []
    while storage.has_original(_name(generation, len(kept))):
        kept.append(InlineImage(storage.read(storage.originals(), _name(generation, len(kept)))))
    return Result(images=tuple(kept)) if kept else None


def _take_early(generation: Generation, index: int, image: ResultImage) -> None:
    """Open a delivery with the generation's row locked, so that its status can't change before."""
    mine = Generation.objects.select_for_update().filter(
        pk=generation.pk, submit_token=generation.submit_token, status=Status.SUBMITTING
    )
    if mine.exists() and not generation.deliveries.filter(index=index).exists():
        _open_delivery(generation, index, image)


def _as_image(delivery: Delivery) -> ResultImage:
    if delivery.error_code and not delivery.url:
        return ImageError(code=delivery.error_code)
    return RemoteImage(url=delivery.url, expires_at=delivery.expires_at)


def _columns(generation: Generation, result: Result) -> dict[str, Any]:
    """The columns that a generation keeps of its result."""
    return {
        "model": result.model[:200],
        "cost_usd": _cost(generation, result),
        "seed": _seed(result),
        "request_id": result.request_id[:200] or generation.request_id,
    }


def _cost(generation: Generation, result: Result) -> Decimal:
    """US dollars: the provider's own figure if it is plausible, else the price of what arrived."""
    if result.cost_usd is not None and _is_plausible(result.cost_usd):
        return result.cost_usd
    came = _came(result)
    return generation.price.usd_of_image(generation.references) * came


def _note_bill(generation: Generation, result: Result) -> None:
    if result.cost_usd is not None and _is_plausible(result.cost_usd):
        pricing.note_bill(generation, result.cost_usd, images=_came(result))


def _came(result: Result) -> int:
    """How many images came with the result."""
    return sum(not isinstance(image, ImageError) for image in result.images)


def _is_plausible(cost: Decimal | None) -> bool:
    return cost is not None and cost.is_finite() and 0 <= cost <= MOST_USD


def _seed(result: Result) -> int | None:
    """The provider's own seed, if the column can hold it."""
    seed = result.seed
    return seed if seed is not None and SMALLEST_SEED <= seed <= LARGEST_SEED else None


def _keep_inline(generation: Generation, index: int, image: ResultImage) -> None:
    if isinstance(image, InlineImage):
        storage.save_original(_name(generation, index), image.data)


def _name(generation: Generation, index: int) -> str:
    return storage.original_name(generation.uuid, attempt=generation.attempt, index=index)


def _open_deliveries(generation: Generation, images: Sequence[ResultImage]) -> None:
    begun = set(generation.deliveries.values_list("index", flat=True))
    for index, image in enumerate(images):
        if index not in begun:
            _open_delivery(generation, index, image)


def _open_delivery(generation: Generation, index: int, image: ResultImage) -> None:
    delivery = _delivery(generation, index, image)
    delivery.save()
    if delivery.status == Delivery.Status.PENDING:
        hints.hint(hints.FETCH)
    elif delivery.status == Delivery.Status.FETCHED:
        hints.hint(hints.LABEL)


def _delivery(generation: Generation, index: int, image: ResultImage) -> Delivery:
    delivery = Delivery(
        generation=generation,
        index=index,
        original_name=_name(generation, index),
        next_action_at=timezone.now(),
    )
    if isinstance(image, RemoteImage):
        delivery.url, delivery.expires_at = image.url, _believable(image.expires_at)
    elif isinstance(image, InlineImage):
        delivery.status = Delivery.Status.FETCHED
    elif isinstance(image, ImageError):
        delivery.status, delivery.error_code = Delivery.Status.FAILED, image.code[:40]
        delivery.next_action_at = None
    return delivery


def _believable(expires_at: datetime | None) -> datetime | None:
    """When a link expires, at most 30 days from now; None for a moment in the past."""
    now = timezone.now()
    if expires_at is None or expires_at <= now:
        return None
    return min(expires_at, now + LONGEST_LINK_LIFE)
