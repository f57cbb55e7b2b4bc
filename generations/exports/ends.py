"""How an export ends: ready, failed, deleted or expired; each end is on the record.

A change of state is one conditional UPDATE; if it changes no row, somebody else was first. A file
is deleted after the state has changed, so that no link leads to a file that is gone; what could not
be deleted is deleted by the next `tidy`. An export that is deleted while a worker makes it stays
claimed until the worker has let it go or is gone, because until then its file may still be stored.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.events import Event
from accounts.models import User
from accounts.stored_texts import pattern
from generations import storage
from generations.exports.registry import stored_name
from generations.models import Export
from generations.models.export import ENDED, OPEN

log = logging.getLogger(__name__)

# How long the row of an export that has ended stays on the page.
KEPT = timedelta(days=30)
BATCH = 100
# Why an export failed, with values.
TRIED = pattern(
    gettext_lazy("The studio tried %(count)d times and could not make it. Tell an admin.")
)
TOO_LARGE = pattern(
    gettext_lazy("It would be larger than %(size)d GB. Choose fewer records, or no pictures.")
)
# Why an export was deleted.
BY_PERSON, BY_ERASURE = "person", "erasure"


def mine(export: Export) -> QuerySet[Export]:
    """The row of an export as long as the worker that claimed `export` is the one that makes it."""
    return Export.objects.filter(
        pk=export.pk,
        state=Export.State.MAKING,
        claimed_by=export.claimed_by,
        tries=export.tries,
    )


@transaction.atomic
def finish(export: Export, *, bytes: int, sha256: str, facts: dict[str, Any]) -> bool:
    """Make the export ready; returns False if it is no longer this worker's."""
    now = timezone.now()
    made = mine(export).update(
        state=Export.State.READY,
        claimed_by="",
        next_action_at=None,
        bytes=bytes,
        sha256=sha256,
        facts=facts,
        made_at=now,
        expires_at=now + timedelta(days=settings.EXPORT_DAYS),
    )
    if made:
        about = {"bytes": bytes, "sha256": sha256, **facts}
        _record(Event.EXPORT_MADE, export, facts=_kind(export) | about)
    return bool(made)


@transaction.atomic
def fail(export: Export, problem: str) -> bool:
    """End an export that this worker can't make. `problem` says why, for people."""
    ended = mine(export).update(
        state=Export.State.FAILED, claimed_by="", next_action_at=None, problem=problem[:300]
    )
    if ended:
        _record(Event.EXPORT_FAILED, export, facts=_kind(export) | {"problem": problem})
    return bool(ended)


def delete(export: Export, *, actor: User | None, why: str = BY_PERSON) -> bool:
    """Delete an export, or stop its making; returns False if it has ended already."""
    with transaction.atomic():
        rows = Export.objects.filter(pk=export.pk, state__in=[*OPEN, Export.State.READY])
        ended = rows.update(state=Export.State.DELETED, next_action_at=None)
        if ended:
            _record(Event.EXPORT_DELETED, export, actor=actor, facts={"why": why})
    if ended:
        _remove_files([export])
    return bool(ended)


def withdraw_all() -> int:
    """Delete every export that is ready or being made; returns how many.

    Call it after personal text was erased: exports may hold it, and filters too. Raises StorageAway
    if files are left; call it again then.
    """
    rows = list(Export.objects.filter(state__in=[*OPEN, Export.State.READY]).order_by("pk"))
    count = sum(delete(export, actor=None, why=BY_ERASURE) for export in rows)
    Export.objects.filter(state__in=ENDED).update(options={})
    for export in unremoved():
        _remove_file(export)
    return count


def unremoved() -> QuerySet[Export]:
    """The exports that have ended, and of which storage may still hold a file, or get one."""
    return Export.objects.filter(state__in=ENDED, is_stored=True).order_by("pk")


def let_go(export: Export) -> bool:
    """End the claim on an export that has ended: the worker that had it writes nothing more.

    Returns False if it has not ended, or the claim is another one.
    """
    claimed = Export.objects.filter(pk=export.pk, claimed_by=export.claimed_by, tries=export.tries)
    freed = claimed.filter(state__in=ENDED).exclude(claimed_by="").update(claimed_by="")
    if freed:
        _remove_files([export])
    return bool(freed)


def discard(export: Export) -> None:
    """Delete the file that a worker has stored of an export that had ended meanwhile.

    The worker may have lost its claim long before, so that nobody expected the file any more.
    """
    if Export.objects.filter(pk=export.pk, state__in=ENDED).update(is_stored=True):
        _remove_files([export])


def tidy() -> int:
    """End what has expired, delete files, and forget old rows; returns how many have expired."""
    now = timezone.now()
    due = Export.objects.filter(state=Export.State.READY, expires_at__lte=now)
    expired = [export for export in due.order_by("expires_at")[:BATCH] if _expire(export)]
    _remove_files(unremoved()[:BATCH])
    old = Export.objects.filter(state__in=ENDED, is_stored=False, created_at__lt=now - KEPT)
    old.delete()
    return len(expired)


@transaction.atomic
def _expire(export: Export) -> bool:
    rows = Export.objects.filter(pk=export.pk, state=Export.State.READY)
    ended = rows.update(state=Export.State.EXPIRED)
    if ended:
        _record(Event.EXPORT_EXPIRED, export, facts={"sha256": export.sha256})
    return bool(ended)


def _remove_files(exports: Iterable[Export]) -> None:
    """Delete the files of exports that have ended. What storage can't delete now stays noted."""
    for export in exports:
        try:
            _remove_file(export)
        except storage.StorageAway as error:
            log.warning("the file of export %s is still in storage: %s", export.uuid, error)


def _remove_file(export: Export) -> None:
    free = Export.objects.filter(pk=export.pk, state__in=ENDED, claimed_by="")
    is_free = free.exists()
    storage.remove(stored_name(export))
    if is_free:
        storage.remove_parts(str(export.uuid))
        free.update(is_stored=False)


def _kind(export: Export) -> dict[str, str]:
    return {"kind": export.kind, "format": export.format}


def _record(
    event: Event, export: Export, *, facts: dict[str, Any], actor: User | None = None
) -> None:
    audit.record(event, actor=actor, subject=export, facts=facts)
