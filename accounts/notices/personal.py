"""Personal notices as the person reads them, on the page and in mails."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import PersonalNotice, User

UNREAD_MOST = 100
SHOWN_MOST = 100
# How long personal notices are kept.
KEPT = dt.timedelta(days=30)

Kind = PersonalNotice.Kind


@dataclass(frozen=True)
class PersonalShown:
    """A personal notice with its texts; `page` is the name of the URL that shows more."""

    notice: PersonalNotice
    title: str
    text: str
    page: str

    @property
    def is_read(self) -> bool:
        return self.notice.read_at is not None


def unread_personal(user: User) -> int:
    """How many personal notices `user` has not read, at most 100."""
    unread = PersonalNotice.objects.filter(user=user, read_at__isnull=True)
    return unread.order_by()[:UNREAD_MOST].count()


def personal_for(user: User) -> list[PersonalShown]:
    """The newest personal notices, at most 100."""
    return [shown(notice) for notice in PersonalNotice.objects.filter(user=user)[:SHOWN_MOST]]


def mark_personal_read(user: User, uuids: Iterable[UUID] | None = None) -> None:
    """Mark these personal notices of `user`, or all, as read; idempotent."""
    rows = PersonalNotice.objects.filter(user=user, read_at__isnull=True)
    if uuids is not None:
        rows = rows.filter(uuid__in=list(uuids))
    rows.update(read_at=timezone.now())


def prune_personal() -> None:
    """Delete personal notices that are older than `KEPT`."""
    PersonalNotice.objects.filter(told_at__lt=timezone.now() - KEPT).delete()


def shown(notice: PersonalNotice) -> PersonalShown:
    """The notice with its texts, in the language that is active."""
    facts = notice.facts
    match notice.kind:
        case Kind.RUN_ENDED:
            return PersonalShown(notice, _ended(facts.get("images", 0)), _took(facts), "studio")
        case Kind.CREDITS_GRANTED | Kind.CREDITS_DECLINED | Kind.CREDITS_LAPSED:
            return _of_request(notice)
        case (
            Kind.CREDITS_ADDED | Kind.TOP_UP_ENDED | Kind.CREDITS_NEARLY_USED | Kind.CREDITS_USED_UP
        ):
            return _of_credits(notice)
        case Kind.OUTCOME_DECIDED:
            decided = _DECISIONS.get(facts.get("decision", ""), _decided)
            return PersonalShown(notice, decided(), "", "studio")
    return PersonalShown(notice, _("A notice of another version of the studio"), "", "")


def _of_credits(notice: PersonalNotice) -> PersonalShown:
    """What has become more or less of the person's credits."""
    facts = notice.facts
    match notice.kind:
        case Kind.CREDITS_ADDED:
            title, text = _added(facts.get("credits", 0)), _until(facts.get("ends_on", ""))
        case Kind.TOP_UP_ENDED:
            title, text = _ended_top_up(facts.get("credits", 0)), ""
        case _:
            title, text = _used(facts), _renews(facts)
    return PersonalShown(notice, title, text, "credits")


def _ended(images: int) -> str:
    if not images:
        return _("A run has ended without images")
    text = ngettext("%(count)d image is ready", "%(count)d images are ready", images)
    return text % {"count": images}


def _took(facts: dict[str, int]) -> str:
    minutes = facts.get("minutes", 0)
    text = ngettext("The run took %(count)d minute.", "The run took %(count)d minutes.", minutes)
    return text % {"count": minutes}


def _added(credits: int) -> str:
    text = ngettext(
        "You got %(count)d credit more for this month",
        "You got %(count)d credits more for this month",
        credits,
    )
    return text % {"count": credits}


def _until(day: str) -> str:
    """The last day of a top-up, if it has one before the end of the month."""
    date = parse_date(day)
    if date is None:
        return ""
    shown = date_format(date, "MONTH_DAY_FORMAT")
    return _("What is unused is taken back after %(date)s.") % {"date": shown}


def _ended_top_up(credits: int) -> str:
    text = ngettext(
        "A top-up has ended: %(count)d unused credit was taken back",
        "A top-up has ended: %(count)d unused credits were taken back",
        credits,
    )
    return text % {"count": credits}


def _of_request(notice: PersonalNotice) -> PersonalShown:
    """What became of a request for credits."""
    facts = notice.facts
    if notice.kind == Kind.CREDITS_GRANTED:
        waits = _waits() if facts.get("waits") else ""
        return PersonalShown(notice, _granted(facts.get("credits", 0)), waits, "studio")
    if notice.kind == Kind.CREDITS_DECLINED:
        title = _("Your request for more credits was declined")
        return PersonalShown(notice, title, _("The page “Credits” says more."), "credits")
    title = _("Nobody has decided about your request for more credits")
    return PersonalShown(notice, title, _("It has ended. You can ask again."), "credits")


def _granted(credits: int) -> str:
    text = ngettext(
        "Your credits are there: %(count)d more for this month",
        "Your credits are there: %(count)d more for this month",
        credits,
    )
    return text % {"count": credits}


def _waits() -> str:
    return _("What you asked them for waits in the studio, and goes with one press.")


def _used(facts: dict[str, Any]) -> str:
    left = facts.get("left", 0)
    if not left:
        return _("Your credits for this month are used up")
    text = ngettext(
        "%(count)d credit is left of your %(total)d for this month",
        "%(count)d credits are left of your %(total)d for this month",
        left,
    )
    return text % {"count": left, "total": facts.get("total", 0)}


def _renews(facts: dict[str, Any]) -> str:
    try:
        day = dt.date.fromisoformat(str(facts.get("renews")))
    except ValueError:
        return ""
    return _("New ones come on %(day)s.") % {"day": date_format(day, "DATE_FORMAT")}


def _decided() -> str:
    return _("An admin has decided about a request whose outcome was unknown")


def _charged() -> str:
    return _("An admin has decided that a request with an unknown outcome is charged")


def _released() -> str:
    return _("An admin has given back the credits of a request with an unknown outcome")


def _looked_up() -> str:
    return _("An admin has found a lost request at its provider; its images are looked up")


_DECISIONS = {"accept_charge": _charged, "release": _released, "task_id": _looked_up}
