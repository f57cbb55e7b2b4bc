"""The watchdog: checks that every loop of a worker turns, and acts if one does not.

A loop that has not turned for 30 seconds is restarted in place. If that does not help, the worker
claims nothing more, keeps its heartbeat, finishes what it has in hand, and ends. If a restarted
heartbeat does not turn, the process ends at once, because other workers will free its claims.

A loop that waits for a database, a broker or room for more work keeps turning, and calls to
providers run outside the loops. So neither is taken for hanging.
"""

import faulthandler
import logging
import threading
import time
from collections.abc import Callable, Sequence

from generations.jobs.heartbeat import SILENCE
from generations.jobs.worker.loops import Loop

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
STUCK_SECONDS = 30.0
# A heartbeat is replaced early, so that its successor can beat before other workers miss it.
HEARTBEAT_STUCK_SECONDS = 12.0
# If two looks are further apart than this, the whole process was paused, not a loop.
STOOD_STILL_SECONDS = 5.0
STDERR = 2  # the file descriptor, even if `sys.stderr` was replaced


class Watchdog:
    """Watches `loops`, of which the first is the heartbeat.

    `give_up` and `die` take the reason as text. The first ends the worker in good order, the second
    at once. `after_look` is called after each look.
    """

    def __init__(
        self,
        loops: Sequence[Loop],
        *,
        give_up: Callable[[str], object],
        die: Callable[[str], object],
        after_look: Callable[[], object] = lambda: None,
    ) -> None:
        self.heartbeat, *self.others = loops
        self._give_up, self._die, self._after_look = give_up, die, after_look
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._looked = time.monotonic()

    def start(self) -> None:
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def sees_all_turn(self) -> bool:
        """Whether every loop has turned lately, and the watchdog itself has looked lately."""
        watching = time.monotonic() - self._looked < STUCK_SECONDS
        return watching and all(loop.age < STUCK_SECONDS for loop in self.others)

    def look(self) -> None:
        """Look at every loop once."""
        now = time.monotonic()
        paused, self._looked = now - self._looked > STOOD_STILL_SECONDS, now
        if paused:
            for loop in (self.heartbeat, *self.others):
                loop.forgive()
        self._look_at_heartbeat()
        for loop in self.others:
            if loop.age >= STUCK_SECONDS:
                self._revive(loop)

    def _look_at_heartbeat(self) -> None:
        most = SILENCE.total_seconds() - HEARTBEAT_STUCK_SECONDS
        if self.heartbeat.restarts and self.heartbeat.age >= most:
            _dump_threads(self.heartbeat)
            self._die("its heartbeat stands still")
        elif not self.heartbeat.restarts and self.heartbeat.age >= HEARTBEAT_STUCK_SECONDS:
            self.heartbeat.restart()

    def _revive(self, loop: Loop) -> None:
        _dump_threads(loop)
        if loop.restarts:
            self._give_up(f"its {loop.name} stands still and could not be started again")
            loop.forgive()
            return
        log.error("the %s has not turned for %d s and is started again", loop.name, loop.age)
        loop.restart()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self.look()
                self._after_look()
            except Exception:
                log.exception("the watchdog broke off; it continues")


def _dump_threads(loop: Loop) -> None:
    """Write the stack of every thread to stderr: lines of code, no values."""
    log.error("the %s stands still; all threads follow", loop.name)
    faulthandler.dump_traceback(file=STDERR, all_threads=True)
