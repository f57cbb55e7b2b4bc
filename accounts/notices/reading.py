"""Notices as one person sees them."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Notice, NoticeMute, NoticeReading, User
from accounts.notices import kinds
from accounts.notices.muting import mute_in_words, muted_now

# Limits of the number in the header, and of each list on the page.
UNREAD_MOST = 100
SHOWN_MOST = 100


@dataclass(frozen=True)
class NoticeShown:
    """A notice with its texts; `page` is the name of the URL that shows more.

    `is_muted` says whether the reader has muted its kind, and `muted` who has muted the notice for
    all; it is empty if nobody has. What is muted for all is new to nobody.
    """

    notice: Notice
    title: str
    to_do: str
    page: str
    is_read: bool
    is_muted: bool
    muted: str


def unread(user: User) -> int:
    """How many notices `user` has not read, at most 100. Those that are muted don't count."""
    muted = NoticeMute.objects.filter(user=user).values("kind")
    rows = Notice.objects.order_by().exclude(kind__in=muted).exclude(muted_now())
    return rows.filter(~_read_by(user))[:UNREAD_MOST].count()


def notices_for(user: User) -> list[NoticeShown]:
    """Open notices, then those that have ended; both newest first, at most 100 of each."""
    rows = Notice.objects.annotate(is_read=_read_by(user), is_muted=muted_now())
    rows = rows.select_related("muted_by")
    lasting = rows.filter(ended_at__isnull=True)[:SHOWN_MOST]
    ended = rows.filter(ended_at__isnull=False)[:SHOWN_MOST]
    muted = muted_kinds(user)
    return [_shown(row, muted, user) for row in (*lasting, *ended)]


def muted_kinds(user: User) -> set[str]:
    """The names of the kinds that `user` has muted."""
    return set(NoticeMute.objects.filter(user=user).values_list("kind", flat=True))


def mark_read(user: User, uuids: Iterable[UUID] | None = None) -> None:
    """Mark these notices, or all, as read by `user`; idempotent."""
    rows: QuerySet[Notice] = Notice.objects.filter(~_read_by(user))
    if uuids is not None:
        rows = rows.filter(uuid__in=list(uuids))
    readings = [NoticeReading(notice_id=pk, user=user) for pk in rows.values_list("pk", flat=True)]
    NoticeReading.objects.bulk_create(readings, batch_size=500, ignore_conflicts=True)


def mute(user: User, name: str) -> None:
    """Mute the kind called `name` for `user`."""
    NoticeMute.objects.bulk_create([NoticeMute(user=user, kind=name)], ignore_conflicts=True)


def unmute(user: User, name: str) -> None:
    """Unmute the kind called `name` for `user`."""
    NoticeMute.objects.filter(user=user, kind=name).delete()


def _read_by(user: User) -> Exists:
    return Exists(NoticeReading.objects.filter(notice=OuterRef("pk"), user=user))


def _shown(notice: Notice, muted: set[str], reader: User) -> NoticeShown:
    kind = kinds.named(notice.kind)
    muted_for_all: bool = notice.is_muted  # type: ignore[attr-defined]  # annotated above
    return NoticeShown(
        notice=notice,
        title=kinds.fill(kind.title, notice.facts),
        to_do=kinds.fill(kind.to_do, notice.facts),
        page=kind.page,
        is_read=muted_for_all or notice.is_read,  # type: ignore[attr-defined]  # the same
        is_muted=notice.kind in muted,
        muted=mute_in_words(notice, reader) if muted_for_all else "",
    )
