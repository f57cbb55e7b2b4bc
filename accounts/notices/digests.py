"""Mails people their personal notices, in one message for each person.

A notice is claimed, on record, before the message is sent. So no notice is ever sent twice, even if
two programs do this at once or one dies; a message that its server refuses is lost. The app shows
every notice anyway.
"""

import datetime as dt
import logging
import uuid

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit
from accounts.events import Event
from accounts.invitations import can_mail
from accounts.models import PersonalNotice, User
from accounts.notices.personal import shown

log = logging.getLogger(__name__)

PEOPLE_MOST = 100  # in one call
NOTICES_MOST = 200  # claimed for one message
LINES_MOST = 30  # written out in one message
# What could not be mailed for so long, for example because no mail was set up, is not mailed later.
LATEST = dt.timedelta(days=2)


def mail_due() -> int:
    """Mail what is due; returns the number of messages. The next call sends what is left."""
    if not can_mail():
        return 0
    now = timezone.now()
    active = _due(now).filter(user__is_active=True).order_by()
    keys = list(active.values_list("user", flat=True).distinct()[:PEOPLE_MOST])
    return sum(_mail(user, now) for user in User.objects.filter(pk__in=keys))


def _due(now: dt.datetime) -> QuerySet[PersonalNotice]:
    return PersonalNotice.objects.filter(mail_at__lte=now, mail_at__gt=now - LATEST)


def _mail(user: User, now: dt.datetime) -> bool:
    notices = _claim(user, now)
    if notices:
        _send(user, notices)
    return bool(notices)


@transaction.atomic
def _claim(user: User, now: dt.datetime) -> list[PersonalNotice]:
    """Claim the person's due notices for one message, and record it. Others claim none of them."""
    message = uuid.uuid4()
    due = _due(now).filter(user=user)
    keys = list(due.values_list("pk", flat=True)[:NOTICES_MOST])
    if not due.filter(pk__in=keys).update(mail_at=None, message=message):
        return []
    claimed = list(PersonalNotice.objects.filter(user=user, message=message))
    facts = {"message": str(message), "notices": len(claimed)}
    audit.record(Event.NOTICES_MAILED, actor=None, subject=user, facts=facts)
    return claimed


def _send(user: User, notices: list[PersonalNotice]) -> None:
    text = ngettext(
        "%(count)d notice from Seedream Studio",
        "%(count)d notices from Seedream Studio",
        len(notices),
    )
    message = EmailMessage(text % {"count": len(notices)}, _body(notices), to=[user.email])
    try:
        message.send()
    except Exception as error:  # any error of a mail back end: others still get theirs
        log.warning("personal notices could not be mailed: %s", type(error).__name__)


def _body(notices: list[PersonalNotice]) -> str:
    lines = [_line(notice) for notice in notices[:LINES_MOST]]
    more = len(notices) - LINES_MOST
    if more > 0:
        text = ngettext("… and %(count)d more.", "… and %(count)d more.", more)
        lines.append(text % {"count": more})
    where = _address("notices")
    unsubscribe = _(
        "You get this message because you chose so. Choose otherwise on your page “Account”."
    )
    return "\n\n".join(filter(None, ["\n".join(lines), where, unsubscribe, _address("account")]))


def _line(notice: PersonalNotice) -> str:
    words = shown(notice)
    return f"- {words.title}\n  {words.text}" if words.text else f"- {words.title}"


def _address(name: str) -> str:
    return settings.PUBLIC_URL + reverse(name) if settings.PUBLIC_URL else ""
