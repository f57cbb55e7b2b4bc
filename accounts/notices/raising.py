"""The only writer of notices.

One `UPDATE` or `INSERT` decides each race; the unique constraint on open notices backs it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit, outlets
from accounts.commits import after_commit
from accounts.events import Event
from accounts.invitations import can_mail
from accounts.models import Notice
from accounts.notices import mailing
from accounts.notices.kinds import Kind

# How often `seen_at` of a lasting notice is updated.
SEEN_AGAIN = timedelta(minutes=1)
# How long ended notices are kept, and how many at most.
KEPT = timedelta(days=90)
KEPT_MOST = 1000


def raise_notice(kind: Kind, *, cause: str, facts: Mapping[str, Any] | None = None) -> bool:
    """Note that `cause` is in the state of `kind`. Call it whenever the state is found.

    Returns True if this call made the notice; then admins are mailed on commit, if mail is set up.
    `facts` fill the texts of the kind and hold no secret.
    """
    if _is_open(kind, cause) or _continued(kind, cause):
        return False
    now = timezone.now()
    notice = Notice(
        kind=kind.name, cause=cause, facts=dict(facts or {}), raised_at=now, seen_at=now
    )
    return _store(notice, recorded=kind.recorded)


def tell(kind: Kind, *, cause: str, facts: Mapping[str, Any] | None = None) -> None:
    """Tell admins of an event, which does not last."""
    now = timezone.now()
    times = {"raised_at": now, "seen_at": now, "ended_at": now}
    notice = Notice(kind=kind.name, cause=cause, facts=dict(facts or {}), **times)
    _store(notice, recorded=kind.recorded)


def end(kind: Kind, *, cause: str) -> bool:
    """End the open notice about `cause`. Returns True if there was one."""
    rows = _open(kind, cause)
    # Read first: on SQLite even an update of no row waits for the write lock.
    return rows.exists() and bool(rows.update(ended_at=timezone.now()))


def lasting(kinds: Collection[Kind]) -> set[tuple[str, str]]:
    """The names of those of `kinds` that have open notices, each with its cause."""
    rows = Notice.objects.filter(kind__in=[kind.name for kind in kinds], ended_at__isnull=True)
    return set(rows.order_by().values_list("kind", "cause"))


def agree(kind: Kind, found: Mapping[str, Mapping[str, Any]], *, most: int) -> list[str]:
    """Make the open notices of `kind` agree with `found`: facts by cause of all that holds now.

    Raises at most `most` new ones, so that one call sends no flood; the next call raises the rest.
    Ends those whose cause is not in `found`. Returns the causes of the notices that it made.
    """
    told = {cause for _kind, cause in lasting([kind])}
    for cause in told - found.keys():
        end(kind, cause=cause)
    new = [cause for cause in found if cause not in told][:most]
    return [cause for cause in new if raise_notice(kind, cause=cause, facts=found[cause])]


def end_unseen(kinds: Collection[Kind], *, before: datetime) -> None:
    """End notices of `kinds` that no call has confirmed since `before`.

    For causes that only one machine can see: if that machine is gone, nothing else ends them.
    """
    names = [kind.name for kind in kinds]
    rows = Notice.objects.filter(kind__in=names, ended_at__isnull=True, seen_at__lt=before)
    if rows.exists():
        rows.update(ended_at=timezone.now())


def prune() -> None:
    """Delete notices that ended long ago, and the oldest ended ones beyond `KEPT_MOST`."""
    ended = Notice.objects.filter(ended_at__isnull=False)
    ended.filter(ended_at__lt=timezone.now() - KEPT).delete()
    newest_to_go = ended.order_by("-ended_at").values_list("ended_at", flat=True)[KEPT_MOST:]
    if limit := newest_to_go.first():
        ended.filter(ended_at__lte=limit).delete()


def _open(kind: Kind, cause: str) -> QuerySet[Notice]:
    return Notice.objects.filter(kind=kind.name, cause=cause, ended_at__isnull=True)


def _is_open(kind: Kind, cause: str) -> bool:
    seen_at = _open(kind, cause).values_list("seen_at", flat=True).first()
    if seen_at is None:
        return False
    now = timezone.now()
    if seen_at < now - SEEN_AGAIN:
        _open(kind, cause).update(seen_at=now)
    return True


def _continued(kind: Kind, cause: str) -> bool:
    """Reopen a notice that ended within `calm`. Returns whether there was one."""
    now = timezone.now()
    ended = Notice.objects.filter(kind=kind.name, cause=cause, ended_at__gt=now - kind.calm)
    newest = ended.order_by("-ended_at").values_list("pk", flat=True).first()
    if newest is None:
        return False
    try:
        with transaction.atomic():
            # Whoever muted it did so for as long as it lasted.
            again = ended.filter(pk=newest).update(ended_at=None, seen_at=now, muted_at=None)
    except IntegrityError:  # another process has raised it in the meantime
        return True
    return bool(again)


def _store(notice: Notice, *, recorded: bool) -> bool:
    """Insert `notice` unless one like it is open. Returns whether it was inserted.

    Then it is queued for the outlet, and mailed to the admins on commit.
    """
    with transaction.atomic():
        Notice.objects.bulk_create([notice], ignore_conflicts=True)
        stored = Notice.objects.filter(uuid=notice.uuid).first()
        if stored is None:
            return False
        if recorded:
            facts = {"kind": notice.kind, "cause": notice.cause}
            audit.record(Event.NOTICE_RAISED, actor=None, subject=stored, facts=facts)
        outlets.append(stored)
        if can_mail():
            after_commit(mailing.mail_admins, stored)
    return True
