"""Records of acts that strangers can repeat without limit: two records for each flood.

The first event is recorded at once. Further events of the same address within ten minutes are
counted, and a second record then adds their number. The cache counts, and the row is updated
whenever the count has doubled, so a flood costs the database little. Without the cache, each event
is an UPDATE of one small row. If the cache is emptied, at most half of the count is lost.
"""

import ipaddress
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.audit.recording import Subject, record, record_more
from accounts.commits import after_commit
from accounts.events import Event
from accounts.models import Tally, User

log = logging.getLogger(__name__)

WINDOW = timedelta(minutes=10)
# Longer than a window, so that the count still exists when it is recorded.
KEPT_SECONDS = 900
BATCH = 500
# Events that are also counted, in the cache only, when they have no known subject.
NAMELESS = (Event.WEBHOOK_FORGED,)
# One subscriber usually has a whole IPv6 network of this size.
IPV6_PREFIX = 64


def note(
    event: Event,
    *,
    address: str,
    actor: User | None = None,
    subject: Subject | None = None,
    story: UUID | None = None,
    facts: dict[str, Any] | None = None,
    personal: dict[str, Any] | None = None,
) -> bool:
    """Record what `address` did to `subject`, or count it. Return whether a record was written.

    Instead of a network address, `address` may be any text under which acts are counted together.

    There is one tally for each event, address, subject (if any) and story (if any). The other
    parameters are those of `record`. Opens its own transaction.
    """
    key = _key(event, address, subject, story)
    if _count_in_cache(key):
        return False
    with transaction.atomic():
        if _count_in_table(key):
            return False
        _close(key)  # A tally whose ten minutes are over.
        tally, is_new = Tally.objects.get_or_create(
            key=key, defaults={"until": timezone.now() + WINDOW}
        )
        if not is_new:  # Another process has just opened it.
            _count_in_table(key)
            return False
        about: Any = subject or tally
        tally.record = record(
            event, actor=actor, subject=about, story=story, facts=facts, personal=personal
        )
        tally.save(update_fields=["record"])
        after_commit(_remember, key, 0)
    return True


def count_nameless(event: Event) -> None:
    """Count an event that concerns nothing the studio knows, for the operators' log only."""
    if _increment(_nameless(event)) is None:
        _set(_nameless(event), 1)


def close_all() -> int:
    """Record the counts of tallies that are over, at most 500. Return how many were closed."""
    over = Tally.objects.filter(until__lte=timezone.now()).order_by("until")
    closed = 0
    for key in over.values_list("key", flat=True)[:BATCH]:
        try:
            with transaction.atomic():
                closed += _close(key)
        except Exception:
            log.exception("a tally could not be closed and is tried again")
    _tell_nameless()
    return closed


def _close(key: str) -> int:
    """Close a tally that is over: record its count, delete its row and its cache key."""
    over = Tally.objects.filter(key=key, until__lte=timezone.now())
    tally = over.select_for_update().first()
    if tally is None:
        return 0
    more = max(tally.more, _get(tally.key) or 0)
    if more and tally.record:
        seconds = int(WINDOW.total_seconds())
        record_more(tally.record, {"more": more, "seconds": seconds})
    tally.delete()
    after_commit(_forget, tally.key)
    return 1


def _count_in_table(key: str) -> bool:
    """Count the event. Return False if no tally is open."""
    open_now = Tally.objects.filter(key=key, until__gt=timezone.now())
    if not open_now.update(more=F("more") + 1):
        return False
    after_commit(_remember, key, open_now.values_list("more", flat=True).get())
    return True


def _key(event: Event, address: str, subject: Subject | None, story: UUID | None) -> str:
    about = f"{event}\n{_network(address)}\n{subject.uuid if subject else ''}\n{story or ''}"
    return salted_hmac("accounts.tallies", about, algorithm="sha256").hexdigest()


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))


# --- The cache, which may fail at any time -------------------------------------------------------


def _count_in_cache(key: str) -> bool:
    """Count the event. Return False if the cache has no count, or an old one."""
    more = _increment(_name(key))
    if not more:
        return False
    if more & (more - 1):
        return True
    # A power of two: the count has doubled, so save it. Without a row, the cached count is stale.
    return bool(Tally.objects.filter(key=key).update(more=Greatest(F("more"), Value(more))))


def _increment(name: str) -> int | None:
    """Count up and return the number; None if the cache fails or does not have it."""
    try:
        number = cache.incr(name)
        # Some caches give an incremented number a new, short time to live.
        cache.touch(name, KEPT_SECONDS)
    except Exception:
        return None
    return number


def _remember(key: str, more: int) -> None:
    _set(_name(key), more)


def _forget(key: str) -> None:
    cache.delete(_name(key))


def _get(key: str) -> int | None:
    try:
        return cache.get(_name(key))
    except Exception:
        return None


def _set(name: str, number: int) -> None:
    try:
        cache.set(name, number, KEPT_SECONDS)
    except Exception:
        log.debug("the cache is away: a tally is counted in the database")


def _name(key: str) -> str:
    return f"tally:{key}"


def _nameless(event: Event) -> str:
    return f"tally:nameless:{event}"


def _tell_nameless() -> None:
    for event in NAMELESS:
        try:
            count = cache.get(_nameless(event))
            cache.delete(_nameless(event))
        except Exception:
            return
        if count:
            log.warning("%s: %d more that concern nothing the studio knows", event, count)
