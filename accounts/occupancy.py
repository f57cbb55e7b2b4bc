"""Detects another studio on the same Redis databases.

Two studios on one Redis database would take each other's messages and serve each other's cached
values, without an error. So each studio marks the databases of `CACHE_URL` and `CELERY_BROKER_URL`
with the identity that its own database keeps. A mark expires after `HELD_SECONDS`, and running
workers renew it. A copy of a studio's database has the same identity, so it is not detected.
"""

import logging
import time
from collections.abc import Iterator

import redis
from django.conf import settings

from accounts.models import Studio

log = logging.getLogger(__name__)

MARK = "seedream-studio:occupied-by"
HELD_SECONDS = 180
RENEW_SECONDS = 30
ANSWER_SECONDS = 1
SCHEMES = ("redis://", "rediss://", "unix://")

_next_renewal = 0.0


class Occupied(Exception):
    """Another studio uses the Redis database that `setting` names; `message` says what to do."""

    def __init__(self, setting: str) -> None:
        self.message = (
            f"another studio uses the Redis database in {setting}: give this studio another "
            f"database number, or stop the other one and start again after {HELD_SECONDS // 60} "
            f"minutes."
        )
        super().__init__(self.message)


def claim() -> None:
    """Mark the Redis databases as this studio's. Raises `Occupied` if another studio has.

    Does nothing without Redis. A server that does not answer within seconds is skipped: the studio
    starts without it, and `renew` tries again.
    """
    identity = str(Studio.objects.get_or_create(pk=Studio.ONLY)[0].uuid)
    for setting, url in _databases():
        try:
            holder = _mark(url, identity)
        except (redis.RedisError, OSError) as error:
            log.warning("can't tell who uses %s (%s)", setting, type(error).__name__)
            continue
        if holder != identity:
            raise Occupied(setting)


def renew() -> str:
    """Keep this studio's marks alive. Long-running processes call it repeatedly.

    Returns a sentence that says what is wrong and logs it, or returns an empty string. A process
    renews at most once in `RENEW_SECONDS`, however often it is called. Never raises. Redis and the
    database have a few seconds to answer.
    """
    global _next_renewal  # noqa: PLW0603  # one for each process, however many threads call
    if time.monotonic() < _next_renewal:
        return ""
    _next_renewal = time.monotonic() + RENEW_SECONDS
    try:
        claim()
    except Occupied as occupied:
        log.error("%s", occupied.message)
        return occupied.message
    except Exception as error:  # the caller has other work to do
        log.warning("can't renew the marks in Redis (%s)", type(error).__name__)
    return ""


def _databases() -> Iterator[tuple[str, str]]:
    """Each setting that names a Redis database, with its URL; if it names several, the first."""
    locations = settings.CACHES["shared"].get("LOCATION", "")
    cache = locations if isinstance(locations, str) else locations[0]
    for setting, urls in (("CACHE_URL", cache), ("CELERY_BROKER_URL", settings.CELERY_BROKER_URL)):
        url = urls.split(";")[0].split(",")[0]
        if url.startswith(SCHEMES):
            yield setting, url


def _mark(url: str, identity: str) -> str:
    """Try to set the mark; returns the identity that holds it."""
    with redis.Redis.from_url(
        url, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS
    ) as server:
        if server.set(MARK, identity, nx=True, ex=HELD_SECONDS):
            return identity
        holder = server.get(MARK)
        if holder == identity.encode():
            server.expire(MARK, HELD_SECONDS)
        return holder.decode(errors="replace") if holder else identity
