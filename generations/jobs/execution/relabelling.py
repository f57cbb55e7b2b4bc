"""Making labelled files again: one order at a time, one image after the other.

New images go first: nothing is done while one waits to be labelled, and after each spell of work
the order rests as long again. A worker keeps its claim while its heartbeat continues. An order's
row says which image is in hand before a file of it is written, so that the next worker finds what a
dead one has left.

An image that came before the studio looked for the marks of providers has its original looked at,
which is opened anyway.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.utils import timezone

from accounts import audit, notices
from accounts.events import Event
from accounts.models import Studio
from generations import conversions, holds, live, storage
from generations.imaging import UnusableImage
from generations.jobs import in_hand
from generations.jobs.execution import accidents, renditions, upstream
from generations.jobs.execution.backoff import accident_seconds
from generations.jobs.execution.delivering import FILE_FACTS
from generations.labelling import LabelFailed, Original
from generations.models import Conversion, Delivery, FormerRendition, Image, Relabelling, Rendition
from generations.notice_kinds import FILE_DAMAGED
from generations.relabelling import asking, choosing, troubles
from generations.relabelling.choosing import Choice

log = logging.getLogger(__name__)

Status = Relabelling.Status
SPELL_SECONDS = 5.0
# With the pauses of `accident_seconds`, a minute apart in the end, this takes half an hour.
MOST_TRIES = 40
# Workers that died with the same image in hand.
MOST_DEATHS = 3
MOST_LEFT = 200  # of those left out, named in the order's row
BATCH = 100


class _Lost(Exception):
    """The order was stopped, or another worker has it."""


@dataclass(frozen=True)
class _LeftOut(Exception):
    """An image can't be labelled again; `why` is a code of `troubles`."""

    why: str


def due() -> QuerySet[Relabelling]:
    """The orders that may be worked on now, single images first; none while new images wait."""
    orders = Relabelling.objects.unfinished().filter(claimed_by="")
    orders = orders.filter(next_action_at__lte=timezone.now())
    if _new_images().exists() or Relabelling.objects.exclude(claimed_by="").exists():
        return orders.none()
    first = Case(When(scope=Relabelling.Scope.IMAGE, then=0), default=1)
    return orders.order_by(first, "next_action_at", "pk")


def work(order_id: int, worker: str, *, is_closed: Callable[[], bool] = lambda: False) -> None:
    """Work on an order for a while, unless one is claimed already. Stops soon after `is_closed`."""
    order = _claim(order_id, worker)
    if order is None:
        return
    began = time.monotonic()
    try:
        is_done = _spell(order, lambda: is_closed() or _must_yield(began))
        _end(order) if is_done else _rest(order, time.monotonic() - began)
    except _Lost:
        log.info("the order %s was stopped, or another worker has it", order.uuid)
        _let_go(order)
    except Exception as error:
        accidents.with_retries(partial(_after_trouble, order, error), seconds=60)


def free(order: Relabelling) -> bool:
    """Free the claim on an order whose worker is gone."""
    return bool(_mine(order).update(claimed_by="", next_action_at=timezone.now()))


def _claim(order_id: int, worker: str) -> Relabelling | None:
    """Claim an order. Only one is claimed at a time, in the whole studio."""
    in_hand.take(worker, Relabelling(pk=order_id))
    with transaction.atomic():
        Studio.objects.get_or_create(pk=Studio.ONLY)
        Studio.objects.select_for_update().get(pk=Studio.ONLY)
        if not due().filter(pk=order_id).exists():
            return None
        # Until it comes further; a worker that dies leaves it counted.
        Relabelling.objects.filter(pk=order_id).update(claimed_by=worker, tries=F("tries") + 1)
    return Relabelling.objects.select_related("image__run").get(pk=order_id)


def _mine(order: Relabelling) -> QuerySet[Relabelling]:
    return Relabelling.objects.filter(pk=order.pk, claimed_by=order.claimed_by).exclude(
        claimed_by=""
    )


def _must_yield(began: float) -> bool:
    if time.monotonic() - began > SPELL_SECONDS:
        return True
    return _new_images().exists()


def _new_images() -> QuerySet[Delivery]:
    now = timezone.now()
    return Delivery.objects.filter(status=Delivery.Status.FETCHED, next_action_at__lte=now)


def _spell(order: Relabelling, is_over: Callable[[], bool]) -> bool:
    """Label some images again; returns whether none is left, and no old file."""
    choice = choosing.choice_of(order)
    if order.image and (order.image.erased_at or order.position >= order.image.pk):
        _tidy(order, order.image)
    while choice and (image := _next(order, choice)):
        _one(order, choice, image)
        if is_over():
            return False
    return _delete_replaced(FormerRendition.objects.filter(is_stored=True), is_over)


def _next(order: Relabelling, choice: Choice) -> Image | None:
    rows = choosing.images(choice).filter(pk__gt=order.position, pk__lte=order.newest)
    about = ("generation__run__team", "run", "delivery", "team")
    return rows.select_related(*about).order_by("pk").first()


def _one(order: Relabelling, choice: Choice, image: Image) -> None:
    try:
        if order.image_id == image.pk and order.tries > MOST_DEATHS and not order.trouble:
            raise _LeftOut(troubles.WORKER_DIED)
        _take_in_hand(order, image)
        before = list(image.renditions.order_by("pk"))
        _replace(order, image, before, _made(image, choice))
    except _LeftOut as left:
        _leave_out(order, image, left.why)
    else:
        _end_notices(image)
    _tidy(order, image)


def _take_in_hand(order: Relabelling, image: Image) -> None:
    if not _mine(order).update(image=image):
        raise _Lost
    order.image = image


def _made(image: Image, choice: Choice) -> list[Rendition]:
    """New files of an image, written, with rows that are not saved. Raises _LeftOut."""
    try:
        with storage.content(
            storage.originals(), image.original_name, sha256=image.original_sha256
        ) as file:
            data = file.read()
        rows = renditions.make_files(image, Original(data))
    except FileNotFoundError:
        raise _LeftOut(troubles.ORIGINAL_LOST) from None
    except storage.FileDamaged as error:
        notices.raise_notice(FILE_DAMAGED, cause=error.name, facts={"name": error.name})
        raise _LeftOut(troubles.ORIGINAL_CHANGED) from None
    except (UnusableImage, LabelFailed) as error:
        log.error("image %s can't be labelled again: %s", image.uuid, type(error).__name__)
        raise _LeftOut(troubles.NOT_LABELLED) from error
    if not choosing.is_better(choice, rows):
        raise _LeftOut(troubles.NO_BETTER)
    image.arrived_with = image.arrived_with or upstream.look(data, image.run)
    return rows


@transaction.atomic
def _replace(
    order: Relabelling, image: Image, before: list[Rendition], made: list[Rendition]
) -> None:
    """Put the new files in the place of those that differ from them, on the record.

    If the image was erased meanwhile, `_tidy` deletes them.
    """
    now = Image.objects.select_for_update().get(pk=image.pk)
    if now.erased_at:
        _move(order, image.pk)
        return
    old = {row.recipe: row for row in before}
    new = [row for row in made if row.recipe not in old or row.sha256 != old[row.recipe].sha256]
    same = [(old[row.recipe], row) for row in made if row not in new]
    later = [kept.pk for kept, row in same if _origin(kept) != _origin(row)]
    seen = {} if now.arrived_with else {"arrived_with": image.arrived_with}
    _move(order, image.pk, **{"done" if new or later else "unchanged": 1})
    if not (new or later or seen):
        return
    if seen:
        Image.objects.filter(pk=image.pk).update(**seen)
    # The same bytes, by today's version of the label and today's policy.
    version, policy = _origin(made[0])
    Rendition.objects.filter(pk__in=later).update(label_version=version, policy=policy)
    former = [old[row.recipe] for row in new if row.recipe in old]
    FormerRendition.objects.bulk_create(_as_former(row) for row in former)
    Rendition.objects.filter(pk__in=[row.pk for row in former]).delete()
    for row in new:
        row.save(force_insert=True)
    conversions.withdraw(image.conversions.filter(state=Conversion.State.READY))
    _record(order, image, former, seen)
    live.bump(image.run.user_id)


def _origin(row: Rendition) -> tuple[int, str]:
    """What a file was labelled by."""
    return row.label_version, row.policy


def _as_former(row: Rendition) -> FormerRendition:
    kept = ("uuid", "image_id", "recipe", "name", "format", "bytes", "sha256")
    labels = ("label_version", "mark_key", "certificate", "is_stamped")
    values: dict[str, Any] = {name: getattr(row, name) for name in (*kept, *labels)}
    return FormerRendition(**values, made_at=row.created_at)


def _record(
    order: Relabelling, image: Image, former: list[Rendition], seen: dict[str, dict[str, str]]
) -> None:
    current = list(image.renditions.order_by("pk"))
    audit.record(
        Event.IMAGE_RELABELLED,
        actor=None,
        subject=image,
        story=image.run.uuid,
        facts={
            "relabelling": str(order.uuid),
            "why": str(order.why),
            "renditions": {row.recipe: row.sha256 for row in current},
            "former": {row.recipe: row.sha256 for row in former},
            "label_version": max(row.label_version for row in current),
            "files": [{name: getattr(row, name) for name in FILE_FACTS} for row in current],
            "label": renditions.label_in_words(image),
            **seen,
        },
    )


@transaction.atomic
def _leave_out(order: Relabelling, image: Image, why: str) -> None:
    left = [*order.left, [str(image.uuid), why]][:MOST_LEFT]
    _move(order, image.pk, left_out=1, left=left)
    about = {"relabelling": str(order.uuid), "why": why}
    story = image.run.uuid
    audit.record(Event.IMAGE_LEFT_OUT, actor=None, subject=image, story=story, facts=about)
    order.left = left


def _move(order: Relabelling, position: int, **more: Any) -> None:
    """Note what became of an image. Raises _Lost if the order is no longer this worker's."""
    counted = {name: F(name) + 1 for name in more if name != "left"}
    values = {"position": position, "tries": 0, "trouble": "", "moved_at": timezone.now()}
    values |= counted | ({"left": more["left"]} if "left" in more else {})
    if not _mine(order).filter(status=Status.WORKING).update(**values):
        raise _Lost
    order.position, order.tries, order.trouble = position, 0, ""


def _end_notices(image: Image) -> None:
    names = image.renditions.values_list("name", flat=True)
    former = image.former_renditions.values_list("name", flat=True)
    for name in {*names, *former}:
        notices.end(FILE_DAMAGED, cause=name)


def _tidy(order: Relabelling, image: Image) -> None:
    """Delete the replaced files of the image in hand, and those that no row names.

    Until that is done, the image stays in hand.
    """
    if Image.objects.filter(pk=image.pk, erased_at__isnull=False).exists():
        storage.erase_unnamed(image.uuid)
    else:
        _delete_replaced(image.former_renditions.filter(is_stored=True), lambda: False)
        former = image.former_renditions.filter(is_stored=True)
        named = {*image.renditions.values_list("name", flat=True)}
        named |= {row.name for row in former} | conversions.names_kept(image)
        storage.erase_unnamed(image.uuid, named=named)
    _mine(order).update(image=None)
    order.image = None


def _delete_replaced(rows: QuerySet[FormerRendition], is_over: Callable[[], bool]) -> bool:
    """Delete files that were replaced, but those of held images; returns whether all are gone."""
    free = ~Q(image__in=Image.objects.filter(holds.covers_image()))
    while True:
        with holds.decided():
            batch = list(rows.filter(free).order_by("pk")[:BATCH])
        for row in batch:
            if not Rendition.objects.filter(name=row.name).exists():
                storage.erase(storage.renditions(), row.name)
            FormerRendition.objects.filter(pk=row.pk).update(is_stored=False)
        if not batch:
            return True
        if is_over():
            return False


def _end(order: Relabelling) -> None:
    now = timezone.now()
    with transaction.atomic():
        ended = _mine(order).filter(status=Status.WORKING)
        values = {"status": Status.DONE, "claimed_by": "", "trouble": "", "image": None}
        if not ended.update(**values, done_at=now, moved_at=now):
            raise _Lost
        choice = choosing.choice_of(order)
        facts = asking.counts(order)
        asking.record(Event.RELABELLING_FINISHED, order, choice, actor=None, **facts)


def _rest(order: Relabelling, seconds: float) -> None:
    """Let the order rest as long as it was worked on."""
    pause = timedelta(seconds=min(seconds, 2 * SPELL_SECONDS))
    again = {"tries": 0, "trouble": "", "next_action_at": timezone.now() + pause}
    _mine(order).update(claimed_by="", **again)


def _let_go(order: Relabelling) -> None:
    _mine(order).update(claimed_by="", next_action_at=timezone.now())


def _after_trouble(order: Relabelling, error: Exception) -> None:
    """Try again later, or stop the order after MOST_TRIES."""
    accidents.reconnect()
    code = troubles.STORAGE_AWAY if accidents.is_ours(error) else troubles.FAILED
    if code == troubles.FAILED:
        log.error("the order %s broke off", order.uuid, exc_info=error)
    pause = timedelta(seconds=accident_seconds(max(order.tries, 1)))
    waits = {"trouble": code, "next_action_at": timezone.now() + pause}
    if order.tries < MOST_TRIES:
        _mine(order).update(claimed_by="", **waits)
        return
    with transaction.atomic():
        mine = _mine(order).filter(status=Status.WORKING)
        if mine.update(status=Status.STOPPED, claimed_by="", trouble=code):
            asking.record_stop(order, code, actor=None)
