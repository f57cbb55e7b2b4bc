"""Mutes one notice for all admins, by hand and on record, for some days or until it ends."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.models import Notice, NoticeReading, User

# For so many days a notice may be muted; None is until it ends.
PERIODS = (1, 7, None)


def muted_now() -> Q:
    """Match the notices that are muted for all. A notice that has ended is not."""
    lasts = Q(muted_until__isnull=True) | Q(muted_until__gt=timezone.now())
    return Q(muted_at__isnull=False, ended_at__isnull=True) & lasts


@transaction.atomic
def mute_notice(uuid: UUID, *, actor: User, days: int | None) -> bool:
    """Mute a notice for all admins, for `days` days or until it ends. False if it has ended.

    If it lasts longer than that, it is new to everybody again.
    """
    now = timezone.now()
    until = None if days is None else now + timedelta(days=days)
    rows = Notice.objects.filter(uuid=uuid, ended_at__isnull=True)
    if not rows.update(muted_at=now, muted_until=until, muted_by=actor):
        return False
    NoticeReading.objects.filter(notice__uuid=uuid).delete()
    _record(Event.NOTICE_MUTED, uuid, actor, {} if days is None else {"days": days})
    return True


@transaction.atomic
def unmute_notice(uuid: UUID, *, actor: User) -> bool:
    """Undo `mute_notice`. False if the notice is not muted."""
    rows = Notice.objects.filter(muted_now(), uuid=uuid)
    if not rows.update(muted_at=None, muted_until=None, muted_by=None):
        return False
    _record(Event.NOTICE_UNMUTED, uuid, actor, {})
    return True


def mute_in_words(notice: Notice, reader: User) -> str:
    """Who has muted a notice, and until when."""
    who = str(notice.muted_by or "–")
    if notice.muted_until is None:
        return _("Muted for all admins by %(person)s until it is over") % {"person": who}
    until = date_format(notice.muted_until.astimezone(reader.tzinfo), "SHORT_DATETIME_FORMAT")
    text = _("Muted for all admins by %(person)s until %(time)s")
    return text % {"person": who, "time": until}


def _record(event: Event, uuid: UUID, actor: User, facts: dict[str, int]) -> None:
    notice = Notice.objects.get(uuid=uuid)
    told = {"kind": notice.kind, "cause": notice.cause, **facts}
    audit.record(event, actor=actor, subject=notice, facts=told)
