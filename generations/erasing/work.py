"""Does what is ordered, one erasure after the other, in a worker.

An erasure is left to the worker that has it for `LEASE`, renewed by each batch; if the worker dies,
another goes on. A failure is tried again after a pause, a day long in all. After that, or when
something forbids it, the erasure is stopped, admins are told, and somebody lets it go on.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts import audit, forgetting, scrubbing
from accounts.events import Event
from accounts.models import User
from generations import live
from generations.erasing import retention, troubles
from generations.erasing.order import LEASE, Order
from generations.erasing.steps import steps_of
from generations.erasing.targets import target_of
from generations.erasing.troubles import ErasureRefused
from generations.exports import ends
from generations.models import (
    Conversion,
    Delivery,
    Erasure,
    Export,
    FormerRendition,
    Generation,
    Image,
    Reference,
    Rendition,
    Run,
    SavedDraft,
    Snippet,
    WebhookEvent,
)
from generations.storage import StorageAway

log = logging.getLogger(__name__)

Status = Erasure.Status
# Erasures of one call; the next call goes on.
MOST = 20
# With the pauses below, these take about a day.
MOST_TRIES = 30
LONGEST_PAUSE = timedelta(hours=1)
# Fragments of pages live this long in the cache; they are in nobody's page afterwards.
CACHED = timedelta(seconds=2 * live.TAG_SECONDS)
TABLES = [
    model._meta.db_table
    for model in (
        *(Run, Generation, Delivery, WebhookEvent, Image, Rendition, Reference),
        *(FormerRendition, Conversion, Snippet, SavedDraft),
        *(Export, Erasure),
    )
]


def work() -> int:
    """Do what is due; returns how many erasures were taken. Never raises because of one."""
    now = timezone.now()
    due = Erasure.objects.unfinished().filter(next_try_at__lte=now).order_by("next_try_at")
    return sum(take(erasure) for erasure in due[:MOST])


def take(erasure: Erasure, *, is_scrubbed: bool = False) -> bool:
    """Go on with an erasure, unless another worker has it.

    `is_scrubbed` says that the remains of what it has erased are removed already.
    """
    mine = Erasure.objects.filter(
        pk=erasure.pk, status=erasure.status, next_try_at=erasure.next_try_at
    )
    if not mine.update(next_try_at=timezone.now() + LEASE):
        return False
    try:
        _go_on(erasure, is_scrubbed)
    except ErasureRefused as refused:
        _stop(erasure, refused.code)
    except scrubbing.NotYet as waiting:
        # It waits for somebody else, and that may take as long as it will: a notice tells of it.
        _pause(erasure, waiting.code, tries=0)
    except StorageAway:
        _fail(erasure, troubles.STORAGE_AWAY)
    except DatabaseError as error:
        log.warning("an erasure was interrupted by the database: %s", type(error).__name__)
        _fail(erasure, troubles.BUSY)
    except Exception:
        log.exception("the erasure %s failed", erasure.uuid)
        _fail(erasure, troubles.FAILED)
    return True


def tables() -> list[str]:
    """The tables in which an erasure changes or deletes rows, but for those of a search."""
    return ["accounts_recordpayload", *forgetting.tables(), *TABLES]


@transaction.atomic
def resume(erasure: Erasure, *, actor: User) -> bool:
    """Let a stopped erasure go on. Returns False if it is not stopped."""
    again = Status.CLEANING if erasure.emptied_at else Status.EMPTYING
    stopped = Erasure.objects.filter(pk=erasure.pk, status=Status.STOPPED)
    now = timezone.now()
    if not stopped.update(status=again, trouble="", tries=0, next_try_at=now, moved_at=now):
        return False
    _record(Event.ERASURE_RESUMED, erasure, actor=actor)
    return True


def _go_on(erasure: Erasure, is_scrubbed: bool) -> None:
    scrubbing.overwrite_deleted()
    if erasure.status == Status.EMPTYING:
        _empty(erasure)
        _emptied(erasure)
    else:
        _clean(erasure, is_scrubbed)


def _empty(erasure: Erasure) -> None:
    try:
        for step in steps_of(erasure):
            while step():
                pass
    except ErasureRefused as refused:
        is_rule = erasure.scope == Erasure.Scope.RULE
        if not (is_rule and refused.code == troubles.GONE):  # A deleted rule erases no more.
            raise


def _emptied(erasure: Erasure) -> None:
    now = timezone.now()
    times = {"emptied_at": now, "moved_at": now, "next_try_at": now + CACHED}
    with transaction.atomic():
        is_mine = _change(
            erasure, Status.EMPTYING, status=Status.CLEANING, trouble="", tries=0, **times
        )
        if is_mine and erasure.scope == Erasure.Scope.RULE:
            erasure.refresh_from_db()
            retention.record_applied(erasure)


def _clean(erasure: Erasure, is_scrubbed: bool) -> None:
    scrubbing.drop_expired()
    emptied: datetime | None = erasure.emptied_at
    assert emptied is not None  # noqa: S101  # set with the status
    _await_exports()
    if not is_scrubbed:
        Erasure.objects.filter(pk=erasure.pk).update(reason="")
        scrubbing.scrub(tables(), since=emptied)
    with transaction.atomic():
        end = timezone.now()
        if _change(erasure, Status.CLEANING, status=Status.DONE, trouble="", done_at=end):
            erasure.refresh_from_db()
            _record_end(erasure)


def _await_exports() -> None:
    """Raise NotYet if a worker may still store an export that holds what was erased."""
    ends.tidy()
    if ends.unremoved().exists():
        raise scrubbing.NotYet(troubles.EXPORTING)


def _record_end(erasure: Erasure) -> None:
    counts = {name: getattr(erasure, name) for name in ("records", "runs", "images")}
    if erasure.files_kept:
        counts["files_kept"] = erasure.files_kept
    _record(Event.ERASURE_FINISHED, erasure, **counts)


def _stop(erasure: Erasure, code: str) -> None:
    with transaction.atomic():
        if _change(erasure, erasure.status, status=Status.STOPPED, trouble=code):
            _record(Event.ERASURE_STOPPED, erasure, why=code)


def _record(event: Event, erasure: Erasure, *, actor: User | None = None, **facts: object) -> None:
    row, story = _about(erasure)
    facts = Order(erasure, row).facts | facts
    audit.record(event, actor=actor, subject=row, story=story, facts=facts)


def _about(erasure: Erasure) -> tuple[Any, UUID | None]:
    """What is erased, and its run; the erasure itself if a rule was deleted meanwhile."""
    try:
        target = target_of(erasure.scope, erasure.subject, pictures=erasure.pictures)
    except ErasureRefused:
        return erasure, None
    return target.row, target.story


def _fail(erasure: Erasure, code: str) -> None:
    tries = erasure.tries + 1
    if tries >= MOST_TRIES:
        _stop(erasure, code)
    else:
        _pause(erasure, code, tries=tries)


def _pause(erasure: Erasure, code: str, *, tries: int) -> None:
    pause = min(LONGEST_PAUSE, timedelta(seconds=20 * 2 ** min(tries, 10)))
    _change(erasure, trouble=code, tries=tries, next_try_at=timezone.now() + pause)


def _change(erasure: Erasure, expected: str | None = None, /, **columns: object) -> int:
    """Change columns; with `expected`, only if the erasure is still in that state."""
    rows = Erasure.objects.filter(pk=erasure.pk)
    return (rows.filter(status=expected) if expected else rows).update(**columns)
