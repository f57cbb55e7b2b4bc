"""Tells people of their own work and credits: once for each kind and cause, whoever calls.

Callers are below `accounts.notices`, which shows these notices and mails them.
"""

import datetime as dt
import zoneinfo
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from accounts.models import MailChoice, PersonalNotice, User

Kind = PersonalNotice.Kind
When = MailChoice.When

# The hour, in the team's time zone, at which the mail of the day is due.
HOUR = 8
DECISIONS = frozenset({Kind.OUTCOME_DECIDED, Kind.CREDITS_GRANTED, Kind.CREDITS_DECLINED})


def tell(user_id: int, kind: Kind, *, cause: str, facts: Mapping[str, str | int]) -> None:
    """Tell a person, given by the primary key, once; idempotent.

    `facts` fill the texts in `accounts.notices.personal`, and hold nothing that a person wrote.
    """
    now = timezone.now()
    notice = PersonalNotice(
        user_id=user_id,
        kind=kind,
        cause=cause,
        facts=dict(facts),
        told_at=now,
        mail_at=_mail_at(user_id, kind, now),
    )
    PersonalNotice.objects.bulk_create([notice], ignore_conflicts=True)


def mail_choice(user: User) -> When:
    """When the person wants mail."""
    found = MailChoice.objects.filter(user=user).values_list("when", flat=True).first()
    return When(found) if found else When.OFF


@transaction.atomic
def choose_mail(user: User, when: When) -> None:
    """Keep when the person wants mail. OFF also stops what was due; idempotent."""
    MailChoice.objects.update_or_create(user=user, defaults={"when": when})
    if when == When.OFF:
        PersonalNotice.objects.filter(user=user, mail_at__isnull=False).update(mail_at=None)


def forget(user: User) -> None:
    """Delete the person's notices and choice."""
    PersonalNotice.objects.filter(user=user).delete()
    MailChoice.objects.filter(user=user).delete()


def _mail_at(user_id: int, kind: Kind, now: dt.datetime) -> dt.datetime | None:
    choices = MailChoice.objects.filter(user=user_id)
    found = choices.values_list("when", "user__team__time_zone").first()
    if found is None or found[0] == When.OFF:
        return None
    if found[0] == When.AT_ONCE and kind in DECISIONS:
        return now
    return _next_morning(now, zoneinfo.ZoneInfo(found[1]))


def _next_morning(now: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    local = now.astimezone(zone)
    morning = local.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return morning if morning > local else morning + dt.timedelta(days=1)
