"""Claims postings, sends them, tries again, gives up.

A posting is tried 8 times within a day: after 30 seconds, then after twice as long each time, but
after an hour at most. A test that is accepted, or any posting, ends the notice about failure.
"""

import datetime as dt
import logging
import time
import uuid
from functools import partial
from itertools import takewhile

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import audit, notices, outlets
from accounts.events import Event
from accounts.models import Outlet, Posting, User
from accounts.stored_texts import in_english
from generations.postings import messages, troubles
from generations.postings.kinds import NOT_SENT
from generations.providers import posting as outside
from generations.providers.posting import Answer

log = logging.getLogger(__name__)

MOST_TRIES = 8
MOST_AGE = dt.timedelta(days=1)
FIRST_WAIT = dt.timedelta(seconds=30)
LONGEST_WAIT = dt.timedelta(hours=1)
# A claim ends by itself after this time; a try takes at most `TIMEOUT_SECONDS`.
CLAIM = dt.timedelta(minutes=2)
TIMEOUT_SECONDS = 10.0
# Somebody waits for the page.
TEST_SECONDS = 5.0
IN_ONE_CALL = 20
# Beat asks every 20 seconds, so what is due for so long is not looked at.
LATE = dt.timedelta(minutes=15)

State = Posting.State


def send_due() -> int:
    """Send what is due, at most 20 postings; returns how many arrived.

    Stops at the first that does not: the others would only wait for the same outlet.
    """
    outlet = outlets.current()
    if outlet is None or not outlet.is_on:
        return 0
    due = Posting.objects.filter(state=State.WAITING, next_try_at__lte=timezone.now())
    found = list(due.select_related("notice").order_by("next_try_at")[:IN_ONE_CALL])
    return sum(1 for _each in takewhile(partial(_arrives, outlet), found))


def is_late() -> bool:
    """Whether a posting has been due for 15 minutes, although the outlet is on."""
    due = Posting.objects.filter(state=State.WAITING, next_try_at__lt=timezone.now() - LATE)
    return Outlet.objects.filter(is_on=True).exists() and due.exists()


def send_again(posting: Posting, *, actor: User) -> bool:
    """Queue a posting that was given up once more. Returns False if it was not given up."""
    now = timezone.now()
    given_up = Posting.objects.filter(pk=posting.pk, state=State.GIVEN_UP)
    waiting = {"state": State.WAITING, "tries": 0, "next_try_at": now, "made_at": now}
    with transaction.atomic():
        if not given_up.update(**waiting, ended_at=None, trouble=""):
            return False
        audit.record(Event.NOTICE_POSTING_ASKED, actor=actor, subject=posting.notice)
    return True


def send_test(outlet: Outlet, *, actor: User) -> str:
    """Send a test now; returns the code of what went wrong, empty if it was accepted."""
    body = messages.of_test(outlet.format)
    trouble = _sent(outlet, body, uuid.uuid4(), timeout=TEST_SECONDS).trouble or ""
    facts = {"trouble": str(trouble)} if trouble else {}
    with transaction.atomic():
        audit.record(Event.OUTLET_TESTED, actor=actor, subject=outlet, facts=facts)
        if not trouble:
            notices.end(NOT_SENT, cause="outlet")
    return str(trouble)


def _arrives(outlet: Outlet, posting: Posting) -> bool:
    """Claim `posting` and try it. Returns False if it did not arrive, or is another worker's."""
    claimed = Posting.objects.filter(
        pk=posting.pk, state=State.WAITING, next_try_at=posting.next_try_at
    ).update(next_try_at=timezone.now() + CLAIM, tries=F("tries") + 1)
    if not claimed:
        return False
    posting.tries += 1
    if posting.made_at < timezone.now() - MOST_AGE:
        _give_up(posting, posting.trouble or troubles.TOO_OLD)
        return False
    answer = _answer(outlet, posting)
    if not answer.trouble:
        _note_sent(posting)
    elif posting.tries >= MOST_TRIES:
        _give_up(posting, answer.trouble)
    else:
        _wait(posting, answer)
    return not answer.trouble


def _answer(outlet: Outlet, posting: Posting) -> Answer:
    try:
        body = messages.of_notice(posting.notice, outlet.format)
        return _sent(outlet, body, posting.uuid, timeout=TIMEOUT_SECONDS)
    except Exception as error:  # one notice must not keep the others from being sent
        log.warning("a notice could not be sent to the outlet: %s", type(error).__name__)
        return Answer(troubles.BROKE_OFF)


def _sent(outlet: Outlet, body: bytes, posting: uuid.UUID, *, timeout: float) -> Answer:
    try:
        target = outlets.target(outlet)
    except outlets.Unreadable:
        return Answer(troubles.KEY_CHANGED)
    at = int(time.time())
    return outside.post(
        target.address,
        body,
        headers=messages.headers(body, secret=target.secret, posting=posting, at=at),
        timeout=timeout,
        private_hosts=settings.PROVIDER_PRIVATE_HOSTS,
    )


def _wait(posting: Posting, answer: Answer) -> None:
    pause = min(FIRST_WAIT * 2 ** (posting.tries - 1), LONGEST_WAIT)
    wanted = min(dt.timedelta(seconds=answer.wait), LONGEST_WAIT)
    next_try = timezone.now() + max(pause, wanted)
    _claimed(posting).update(trouble=str(answer.trouble), next_try_at=next_try)


@transaction.atomic
def _note_sent(posting: Posting) -> None:
    if _ended(posting, State.SENT, trouble=""):
        facts = {"tries": posting.tries}
        audit.record(Event.NOTICE_POSTED, actor=None, subject=posting.notice, facts=facts)
        notices.end(NOT_SENT, cause="outlet")


@transaction.atomic
@in_english()
def _give_up(posting: Posting, trouble: str) -> None:
    if _ended(posting, State.GIVEN_UP, trouble=str(trouble)):
        facts = {"tries": posting.tries, "trouble": str(trouble)}
        audit.record(Event.NOTICE_NOT_POSTED, actor=None, subject=posting.notice, facts=facts)
        reason = {"reason": troubles.in_words(trouble)}
        notices.raise_notice(NOT_SENT, cause="outlet", facts=reason)


def _ended(posting: Posting, state: str, *, trouble: str) -> bool:
    now = timezone.now()
    return bool(_claimed(posting).update(state=state, trouble=trouble, ended_at=now))


def _claimed(posting: Posting) -> QuerySet[Posting]:
    """The row, if this try still holds it: another one would have counted it."""
    return Posting.objects.filter(pk=posting.pk, state=State.WAITING, tries=posting.tries)
