"""The worker process: its name, its loops, its crews, its start and its end."""

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings

from accounts import occupancy
from generations.jobs import heartbeat, in_hand, recovery
from generations.jobs.execution.polling import Poller
from generations.jobs.preload import preload
from generations.jobs.worker.crews import Crew
from generations.jobs.worker.loops import Loop, Step, ThreadLoop, Turn
from generations.jobs.worker.steps import steps_for
from generations.jobs.worker.watchdog import Watchdog
from generations.providers.capabilities import LONGEST_CALL_SECONDS
from generations.queues import PROVIDER, QUEUES

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2
# How often the tables are looked at without a hint.
LOOK_SECONDS = 2.0
RECOVER_SECONDS = 3.0
# If a heartbeat is this late, the database was away, and all other heartbeats are late too. For
# this long no worker is then taken for dead because it is silent.
OUTAGE = timedelta(seconds=15)
FAILED = 70  # EX_SOFTWARE of sysexits.h


class WorkerProcess:
    """This process as a worker for `queues`. A worker for `PROVIDER` also polls.

    `start` raises what keeps the worker from working. After that it works until `stop`, or ends the
    process if it can't.
    """

    def __init__(
        self,
        queues: list[str],
        *,
        look_seconds: float = LOOK_SECONDS,
        consumer: Loop | None = None,
    ) -> None:
        self.name = heartbeat.worker_name()
        self.queues = queues
        self.crews = {step.name: Crew(step, self.name) for step in steps_for(queues)}
        self._is_closed = False
        self._gave_up = False
        self._ends_at: float | None = None
        self._believes_silence_at = 0.0
        self._recovers_at = 0.0
        self._beat_at: float | None = None
        beats = ThreadLoop("heartbeat", self._make_beat, pause=heartbeat.BEAT_SECONDS)
        self._loops = [beats, ThreadLoop("look at the table", self._make_look, pause=look_seconds)]
        if PROVIDER in queues:
            self._loops.append(ThreadLoop("poller", self._make_poll, pause=0))
        watched = [*self._loops, *([consumer] if consumer else [])]
        self._watchdog = Watchdog(
            watched, give_up=self._give_up, die=self._die, after_look=self._end_if_overdue
        )

    def start(self) -> None:
        """Record the first heartbeat, then start all loops.

        Raises what the database or a missing module raises, and `occupancy.Occupied`.
        """
        preload()
        occupancy.claim()
        self._beat()
        for loop in self._loops:
            loop.start()
        self._watchdog.start()

    def work(self, step: str) -> None:
        """Work on `step` in this thread until nothing is due, as a hint asks."""
        if crew := self.crews.get(step):
            crew.work()

    def recover(self, turn: Turn = lambda: None) -> None:
        """Do one round of recovery. Other workers' silence counts only outside an outage."""
        believed = time.monotonic() >= self._believes_silence_at
        recovery.recover(believe_silence=believed, turn=turn)

    def close(self) -> None:
        """Claim nothing more. Work in hand may take `WORKER_DRAIN_SECONDS`.

        Called from a signal handler, so it takes no lock.
        """
        self._is_closed = True
        if self._ends_at is None:
            self._ends_at = time.monotonic() + settings.WORKER_DRAIN_SECONDS
        for crew in self.crews.values():
            crew.close()

    def stop(self) -> None:
        """Close, wait for the work in hand, stop all loops, and free the claims.

        The watchdog ends the process if that takes too long.
        """
        self.close()
        for crew in self.crews.values():
            crew.wait()
        _beats, *others = self._loops
        for loop in others:
            loop.stop()
        self._watchdog.stop()
        _beats.stop()
        heartbeat.stop(self.name)

    # --- Loops -----------------------------------------------------------------------------------

    def _make_beat(self, turn: Turn) -> tuple[Step, None]:
        return self._beat, None

    def _beat(self) -> None:
        turning = not self._gave_up and self._watchdog.sees_all_turn
        heartbeat.beat(self.name, ",".join(self.queues), turning=turning)
        now = time.monotonic()
        if self._beat_at is not None and now - self._beat_at > OUTAGE.total_seconds():
            self._believes_silence_at = now + OUTAGE.total_seconds()
        self._beat_at = now
        for queue in self.queues if turning else ():
            heartbeat.note_at_work(queue)

    def _make_look(self, turn: Turn) -> tuple[Step, None]:
        def look() -> None:
            for crew in self.crews.values():
                crew.look()
                turn()
            occupancy.renew()
            recovery.free_forgotten(self.name)
            if time.monotonic() >= self._recovers_at:
                self._recovers_at = time.monotonic() + RECOVER_SECONDS
                self.recover(turn)

        return look, None

    def _make_poll(self, turn: Turn) -> tuple[Step, Step]:
        poller = Poller(self.name, turn=turn)

        def poll() -> None:
            poller.tick(TICK_SECONDS, takes_more=not self._is_closed)

        return poll, poller.close

    # --- The end ---------------------------------------------------------------------------------

    def _give_up(self, why: str) -> None:
        """End in good order because the watchdog says so, without a call of `stop`.

        Waits for calls to providers that have begun.
        """
        if self._gave_up:
            return
        self._gave_up = True
        log.critical("This worker ends because %s; another one takes over.", why)
        self._ends_at = time.monotonic() + LONGEST_CALL_SECONDS
        self.close()

    def _end_if_overdue(self) -> None:
        if self._ends_at is None:
            return
        in_time = time.monotonic() < self._ends_at
        if self._gave_up and not in_hand.count(self.name):
            self._end()
        elif not in_time:
            log.critical("This worker ends with work in hand: its time to end in good order is up.")
            self._end()

    def _end(self) -> None:
        # In a thread, because the database may be what hangs.
        freeing = threading.Thread(target=heartbeat.stop, args=(self.name,), daemon=True)
        freeing.start()
        freeing.join(heartbeat.BEAT_SECONDS)
        os._exit(FAILED)

    def _die(self, why: str) -> None:
        log.critical("This worker ends at once because %s.", why)
        os._exit(FAILED)


def work_here(is_done: Callable[[], bool]) -> None:
    """Run a worker for all queues in this process until `is_done` returns True."""
    process = WorkerProcess(list(QUEUES), look_seconds=TICK_SECONDS)
    process.start()
    try:
        while not is_done():
            time.sleep(TICK_SECONDS)
    finally:
        process.stop()
