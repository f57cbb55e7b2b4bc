"""Runs all checks at once and in bounded time.

Each check runs in its own thread. One that hangs is left running, and the same check does not start
again before it has ended. So there are never more threads than checks.
"""

import logging
import threading
import time
from collections.abc import Mapping

from django.db import connections
from django.utils.translation import gettext_lazy as _

from generations.readiness.checks import CHECKS, Check, Finding

log = logging.getLogger(__name__)

# How long all checks together may take.
LIMIT_SECONDS = 3.0
# The findings of a round are reused for this long.
KEEP_SECONDS = 2.0
# While a round runs, other callers get the last findings, unless they are older than this.
KEEP_MEANWHILE_SECONDS = 10.0

NEVER = float("-inf")


class Probe:
    """One check and its last finding."""

    def __init__(self, name: str, check: Check) -> None:
        self._name = name
        self._check = check
        self._thread: threading.Thread | None = None
        self._found: Finding | None = None
        self._found_at = NEVER
        self._hangs = False
        self._worked = True

    def begin(self) -> None:
        """Start the check, unless it still runs or its last finding may be reused."""
        self._hangs = self._thread is not None and self._thread.is_alive()
        if self._hangs or self._is_kept():
            return
        self._found = None
        self._thread = threading.Thread(
            target=self._look, name=f"readiness-{self._name}", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # the machine has no thread left
            self._thread, self._found = None, Finding(False, self._check.broken)

    def end(self, until: float) -> Finding:
        """The finding, or one that says that there was no answer by `until` (monotonic seconds)."""
        if self._thread and not self._hangs:
            self._thread.join(max(0.0, until - time.monotonic()))
        return self._found or Finding(False, _("It does not answer in time."))

    def _is_kept(self) -> bool:
        return time.monotonic() - self._found_at < self._check.keep_seconds

    def _look(self) -> None:
        try:
            found = self._ask()
            self._found, self._found_at = found, time.monotonic()
            self._worked = found.ok
        finally:
            connections.close_all()

    def _ask(self) -> Finding:
        try:
            return self._check.look()
        except Exception as error:
            # The text of an error may name hosts and accounts.
            if self._worked:
                log.warning("readiness: %s failed: %s", self._name, type(error).__name__)
            return Finding(False, self._check.broken)


class Readiness:
    """The checks of one process: one round at a time, however many callers ask."""

    def __init__(
        self, checks: Mapping[str, Check] = CHECKS, limit_seconds: float = LIMIT_SECONDS
    ) -> None:
        self._probes = {name: Probe(name, check) for name, check in checks.items()}
        self._limit_seconds = limit_seconds
        self._lock = threading.Lock()
        self._last: tuple[float, dict[str, Finding]] = (NEVER, {})

    def look(self) -> dict[str, Finding]:
        """The finding of each check, by name; at most 10 seconds old. Never raises."""
        if found := self._younger_than(KEEP_SECONDS):
            return found
        meanwhile = self._younger_than(KEEP_MEANWHILE_SECONDS)
        if not self._lock.acquire(blocking=not meanwhile):
            return meanwhile
        try:
            return self._younger_than(KEEP_SECONDS) or self._round()
        finally:
            self._lock.release()

    def _younger_than(self, seconds: float) -> dict[str, Finding]:
        found_at, found = self._last
        return found if time.monotonic() - found_at < seconds else {}

    def _round(self) -> dict[str, Finding]:
        until = time.monotonic() + self._limit_seconds
        for probe in self._probes.values():
            probe.begin()
        found = {name: probe.end(until) for name, probe in self._probes.items()}
        self._last = (time.monotonic(), found)
        return found


_readiness = Readiness()


def look() -> dict[str, Finding]:
    """The finding of each check in this process, by name, within 3 seconds."""
    return _readiness.look()
