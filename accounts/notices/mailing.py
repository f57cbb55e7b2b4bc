"""Sends a notice by mail to each admin who has not muted its kind."""

import logging

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse

from accounts.groups import ADMINS
from accounts.models import Notice, NoticeMute, User
from accounts.notices import kinds

log = logging.getLogger(__name__)


def mail_admins(notice: Notice) -> None:
    """Mail `notice` to every active admin. A failure is logged, never raised."""
    kind = kinds.named(notice.kind)
    title = kinds.fill(kind.title, notice.facts)
    subject = " ".join(title.split())  # a line break would begin another header
    page = settings.PUBLIC_URL + reverse(kind.page) if settings.PUBLIC_URL else ""
    text = "\n\n".join(filter(None, (title, kinds.fill(kind.to_do, notice.facts), page)))
    muted = NoticeMute.objects.filter(kind=notice.kind).values("user")
    admins = User.objects.filter(is_active=True, groups__name=ADMINS).exclude(pk__in=muted)
    # One message for each admin, so that nobody sees the addresses of others.
    messages = [EmailMessage(subject, text, to=[admin.email]) for admin in admins]
    try:
        get_connection().send_messages(messages)
    except Exception as error:  # any error of a mail back end: the caller's work must go on
        log.warning("a notice could not be mailed: %s", type(error).__name__)
