"""The end of top-ups: what is unused is taken back, once."""

import datetime as dt
import logging
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext

from accounts import personal_notices
from accounts.events import Event
from accounts.ledger.entering import enter, record_act
from accounts.models import Allowance, Entry, TopUp
from accounts.stored_texts import in_english

log = logging.getLogger(__name__)
# The next call takes the rest.
MOST_AT_ONCE = 1_000


def end_top_ups() -> int:
    """End the top-ups whose last day is over; returns how many.

    Of each, the credits that nothing was reserved or spent from are taken back.
    """
    due = TopUp.objects.filter(ended_at__isnull=True, ends_at__lte=timezone.now())
    keys = due.order_by("ends_at", "pk").values_list("pk", flat=True)[:MOST_AT_ONCE]
    return sum([_ended(key) for key in list(keys)])


def has_overdue_top_ups(before: dt.datetime) -> bool:
    """Whether a top-up that was to end before this moment has not been ended."""
    return TopUp.objects.filter(ended_at__isnull=True, ends_at__lt=before).exists()


def _ended(key: int) -> bool:
    try:
        return _end(key)
    except Exception:
        # One that can't be ended must not keep the others: it stays due, and is logged again.
        log.exception("Top-up %s could not be ended", key)
        return False


@transaction.atomic
def _end(key: int) -> bool:
    if not TopUp.objects.filter(pk=key, ended_at__isnull=True).update(ended_at=timezone.now()):
        return False  # Another process was first.
    top_up = TopUp.objects.get(pk=key)
    allowance = Allowance.objects.select_for_update().get(pk=top_up.allowance_id)
    unused = max(min(top_up.credits, allowance.left, allowance.top_up), 0)
    TopUp.objects.filter(pk=key).update(taken_back=unused)
    _take_back(allowance, unused, top_up)
    return True


def _take_back(allowance: Allowance, unused: int, top_up: TopUp) -> None:
    # The row is locked, so nothing was reserved since it was read.
    Allowance.objects.filter(pk=allowance.pk).update(top_up=F("top_up") - unused)
    with in_english():
        reason = gettext("The top-up has ended.")
    entries = enter(allowance, Entry.Kind.TOP_UP, -unused, actor=None, reason=reason)
    facts: dict[str, Any] = {
        "credits": unused,
        "given": top_up.credits,
        "month": f"{allowance.month:%Y-%m}",
        "ends_on": f"{top_up.ends_on:%Y-%m-%d}",
    }
    owner = allowance.owner
    facts |= entries
    record_act(Event.ALLOWANCE_TOP_UP_ENDED, owner, actor=None, reason="", facts=facts)
    if allowance.user_id and unused:
        kind = personal_notices.Kind.TOP_UP_ENDED
        told = {"credits": unused}
        personal_notices.tell(allowance.user_id, kind, cause=entries["entries"][0], facts=told)
