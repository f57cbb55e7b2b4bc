"""Loops that repeat one step in a thread, and record that they turn."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections, connection

log = logging.getLogger(__name__)

AFTER_ERROR_SECONDS = 2.0

Turn = Callable[[], None]
Step = Callable[[], object]


class Loop:
    """A watched loop: `turn` records a turn, `age` is how long ago the last one was.

    This base class is for loops that other code runs. It is watched only while `is_running`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_running = False
        self.restarts = 0
        self._turned = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the last turn; 0 for a loop that is not meant to turn now."""
        return time.monotonic() - self._turned if self.is_running else 0.0

    def turn(self) -> None:
        self._turned = time.monotonic()
        self.restarts = 0

    def forgive(self) -> None:
        """Count the age from now, because the whole process was paused."""
        self._turned = time.monotonic()

    def restart(self) -> None:
        """Count one more restart, and the age from now. Subclasses start the loop again."""
        self.restarts += 1
        self._turned = time.monotonic()


class ThreadLoop(Loop):
    """A loop in its own thread.

    `make_step` takes `turn`, which a long step calls in between. It returns the step, and a
    function to call at the end or None. It is called for each start, so that a step that hangs
    shares nothing with its successor.
    """

    def __init__(
        self, name: str, make_step: Callable[[Turn], tuple[Step, Step | None]], *, pause: float
    ) -> None:
        super().__init__(name)
        self._make_step = make_step
        self._pause = pause
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        self.is_running = True
        self._stopping = threading.Event()
        self._turned = time.monotonic()
        self._thread = threading.Thread(
            target=self._run, args=(self._stopping,), name=self.name, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End after the current step."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self.is_running = False

    def restart(self) -> None:
        """Continue in a new thread. The old one ends as soon as its step does."""
        super().restart()
        self._stopping.set()
        self.start()

    def _run(self, stopping: threading.Event) -> None:
        def turn() -> None:
            # A turn of a thread that was replaced must not count as a turn of its successor.
            if not stopping.is_set():
                self.turn()

        at_end: Step | None = None
        try:
            step, at_end = self._make_step(turn)
            while not stopping.is_set():
                wait = self._pause if self._does(step) else AFTER_ERROR_SECONDS
                turn()
                stopping.wait(wait)
        finally:
            if at_end:
                at_end()
            connection.close()

    def _does(self, step: Step) -> bool:
        """Whether the step succeeded. An exception is logged, and the loop continues."""
        try:
            step()
        except Exception:
            log.exception("%s broke off; it continues", self.name)
            return False
        else:
            return True
        finally:
            close_old_connections()
