"""A cache that may be away: pages and workers go on without it.

`CACHES["shared"]` is the cache that `CACHE_URL` names; only this module uses it. Two caches wrap it
and never raise because of it. While it is away,

- `default` uses the memory of this process, which is enough for limits and estimates;
- `live` remembers nothing, because several processes have to agree on what it holds.

After a failure the shared cache is left alone for `REST_SECONDS`, so that a page which uses it
twenty times waits for it only once. The outage is over when a write succeeds. Before anything is
read again, this process deletes every key that it could not reach, so that no old value comes back.

No library fits. django-redis 7.0 can ignore errors, but waits for a time-out at each call. During
an outage its `add` returns False, which allauth takes for a held lock, so nobody can sign in.
django-cache-fallback 0.4 waits at each call as well. Neither guards a cache in a folder.
"""

import logging
import threading
import time
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache

log = logging.getLogger(__name__)

SHARED = "shared"
REST_SECONDS = 5
# Entries live for a short time: keys beyond this number expire before the cache is back.
MOST_STALE_KEYS = 10_000
# Other threads may add keys while these are deleted.
MOST_ROUNDS = 5
MOST_LOCAL_ENTRIES = 10_000
PROBE_KEY, PROBE_SECONDS = "caching:probe", 10


class Outage:
    """Whether this process can reach the shared cache, and which keys may be out of date there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_try = 0.0
        self._stale: dict[str, None] = {}
        self.reason = ""  # why the cache is not used; empty while it is

    def begin(self, error: Exception, key: str = "") -> None:
        """Note that asking for `key` raised `error`; its old value must not be read again."""
        with self._lock:
            if not self.reason:
                log.warning("the cache is away, going on without it: %r", error)
            self.reason = type(error).__name__
            self._next_try = time.monotonic() + REST_SECONDS
            if key:
                self._note(key)

    def try_to_end(self) -> bool:
        """Return whether the cache may be used.

        After the rest, one thread tries it and deletes the keys that may be out of date; the other
        threads go on without it."""
        if not self.reason:
            return True
        with self._lock:
            if not self.reason:
                return True
            if time.monotonic() < self._next_try:
                return False
            self._next_try = time.monotonic() + REST_SECONDS
        return self._recover()

    def note_lost_write(self, key: str) -> None:
        """Note a key that could not be written or deleted: its value in the cache may be old."""
        with self._lock:
            if not self.reason:  # it has just come back: this key must be deleted first
                self.reason, self._next_try = "a write was lost", 0.0
            self._note(key)

    def forget(self) -> None:
        """Assume that the cache is present, as a new process does."""
        with self._lock:
            self.reason = ""
            self._stale.clear()

    def _recover(self) -> bool:
        try:
            shared = caches[SHARED]
            shared.set(PROBE_KEY, True, PROBE_SECONDS)
            for _ in range(MOST_ROUNDS):
                shared.delete_many(stale := self._missed())
                if self._end(stale):
                    return True
        except Exception as error:
            self.begin(error)
        return False

    def _note(self, key: str) -> None:
        self._stale.pop(key, None)
        self._stale[key] = None
        if len(self._stale) > MOST_STALE_KEYS:
            del self._stale[next(iter(self._stale))]

    def _missed(self) -> list[str]:
        with self._lock:
            return list(self._stale)

    def _end(self, deleted: list[str]) -> bool:
        """End the outage if no keys but `deleted` were missed; returns whether it ended."""
        with self._lock:
            for key in deleted:
                self._stale.pop(key, None)
            if self._stale:
                return False
            self.reason = ""
        log.warning("the cache answers again")
        return True


outage = Outage()  # one for each process, because every thread has its own cache object


class GuardedCache(BaseCache):
    """The shared cache, or a standby while it is away.

    A ValueError (an invalid key, a missing counter) is the caller's error, so it is raised.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._standby = self.make_standby()

    def make_standby(self) -> BaseCache:
        raise NotImplementedError

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        return self._write("add", key, value, timeout=timeout, version=version)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._ask("get", key, default, version=version)

    def set(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        self._write("set", key, value, timeout=timeout, version=version)

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._write("touch", key, timeout=timeout, version=version)

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._write("delete", key, version=version)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return self._write("incr", key, delta, version=version)

    def clear(self) -> None:
        """Empty both. Raises what the shared cache raises, because its keys are not known."""
        self._standby.clear()
        caches[SHARED].clear()

    def _write(self, method: str, key: str, *args: Any, **kwargs: Any) -> Any:
        return self._ask(method, key, *args, writes=True, **kwargs)

    def _ask(self, method: str, key: str, *args: Any, writes: bool = False, **kwargs: Any) -> Any:
        if outage.try_to_end():
            try:
                return getattr(caches[SHARED], method)(key, *args, **kwargs)
            except ValueError:
                raise
            except Exception as error:  # any library's error, or a value that can't be unpickled
                outage.begin(error, key)
        elif writes:
            outage.note_lost_write(key)
        return getattr(self._standby, method)(key, *args, **kwargs)


class SharedOrLocalCache(GuardedCache):
    """While the shared cache is away, each process uses its own memory."""

    def make_standby(self) -> BaseCache:
        return LocMemCache("standby", {"OPTIONS": {"MAX_ENTRIES": MOST_LOCAL_ENTRIES}})


class SharedOrNoCache(GuardedCache):
    """While the shared cache is away, nothing is remembered."""

    def make_standby(self) -> BaseCache:
        return DummyCache("", {})


def cache_answers() -> str:
    """Ask the shared cache. Returns the name of the error, or an empty string if it answers.

    Waits for at most one time-out of the cache (two seconds with Redis), and not at all while the
    cache rests after a failure. Never raises.
    """
    if outage.try_to_end():
        try:
            caches[SHARED].set(PROBE_KEY, True, PROBE_SECONDS)
        except Exception as error:
            outage.begin(error)
    return outage.reason
