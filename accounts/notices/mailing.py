"""Sends a notice by mail to each admin who has not muted its kind."""

import logging

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse

from accounts.groups import ADMINS
from accounts.languages import written_for
from accounts.models import Notice, NoticeMute, User
from accounts.notices import kinds

log = logging.getLogger(__name__)


def mail_admins(notice: Notice) -> None:
    """Mail `notice` to every active admin. A failure is logged, never raised."""
    muted = NoticeMute.objects.filter(kind=notice.kind).values("user")
    people = User.objects.select_related("team").filter(is_active=True, groups__name=ADMINS)
    # One message for each admin, so that nobody sees the addresses of others.
    messages = [_message(notice, admin) for admin in people.exclude(pk__in=muted)]
    try:
        get_connection().send_messages(messages)
    except Exception as error:  # any error of a mail back end: the caller's work must go on
        log.warning("a notice could not be mailed: %s", type(error).__name__)


def _message(notice: Notice, admin: User) -> EmailMessage:
    kind = kinds.named(notice.kind)
    page = settings.PUBLIC_URL + reverse(kind.page) if settings.PUBLIC_URL else ""
    with written_for(admin):
        title = kinds.fill(kind.title, notice.facts)
        text = "\n\n".join(filter(None, (title, kinds.fill(kind.to_do, notice.facts), page)))
    subject = " ".join(title.split())  # a line break would begin another header
    return EmailMessage(subject, text, to=[admin.email])
