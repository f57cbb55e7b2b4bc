"""Telling the admins, by mail, of what only they can mend."""

import logging
from functools import partial

from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from accounts.groups import ADMINS
from accounts.invitations import can_mail
from accounts.models import User

log = logging.getLogger(__name__)


def alert_admins(subject: str, text: str) -> None:
    """Mail every active admin on commit, where mail is set up; a failure is logged, never raised.

    `subject` and `text` may hold no secret. The record of what happened is the caller's to write.
    """
    if can_mail():
        transaction.on_commit(partial(_mail, subject, text), robust=True)


def _mail(subject: str, text: str) -> None:
    line = " ".join(subject.split())  # a line break would be another header
    admins = User.objects.filter(is_active=True, groups__name=ADMINS)
    # One message for each: nobody's address is anybody else's business.
    messages = [EmailMessage(line, text, to=[admin.email]) for admin in admins]
    try:
        get_connection().send_messages(messages)
    except Exception as error:  # whatever a mail backend raises, the work goes on
        log.warning("an alert could not be mailed: %s", type(error).__name__)
