"""One run from the form to its images, in one thread and with a clock of its own."""

import logging
import time
import uuid
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection
from django.utils import timezone

from accounts.models import User
from generations.jobs import heartbeat, hints, in_hand, recovery
from generations.jobs.execution.polling import Poller
from generations.jobs.worker.crews import Round
from generations.jobs.worker.process import LOOK_SECONDS, RECOVER_SECONDS
from generations.jobs.worker.steps import steps_for
from generations.models import Delivery, Generation, ProviderAccount, Run
from generations.queues import QUEUES
from generations.states import OPEN
from tests.faults.crash_points import Killed, Points
from tests.generations.asking import ask

log = logging.getLogger(__name__)

# What has no end after this many rounds is stuck.
MOST_ROUNDS = 20
LOOK = timedelta(seconds=LOOK_SECONDS)
RECOVERY = timedelta(seconds=RECOVER_SECONDS)
# The steps on the way of a run without references at an engine that is polled. The others look at
# tables that stay empty here.
STEPS_OF_A_RUN = {hints.SUBMIT, hints.FETCH, hints.LABEL}


class Clock:
    """The time of a walk. It moves only when code waits, and nobody really sleeps."""

    STARTS = datetime(2026, 1, 15, 12, tzinfo=UTC)

    def __init__(self, monkeypatch) -> None:
        self.now = self.STARTS
        monkeypatch.setattr(timezone, "now", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.wait)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=max(seconds, 0))

    def put_back(self) -> None:
        self.now = self.STARTS

    @property
    def waited(self) -> float:
        return (self.now - self.STARTS).total_seconds()

    def wait_until(self, due: datetime) -> None:
        self.now = max(due, self.now + timedelta(milliseconds=1))


class AtOnce(Executor):
    """Does in this thread what it is given."""

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Worker:
    """A worker with one thread: each step until nothing is due, the polls, then recovery.

    Like a real one, it recovers at its start and then every `RECOVER_SECONDS` of `clock`.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.recovers_at = clock.now
        self.name = heartbeat.worker_name()
        self.steps = [step for step in steps_for(list(QUEUES)) if step.name in STEPS_OF_A_RUN]
        self.poller = Poller(self.name)
        self.poller.pool.shutdown()
        self.poller.pool = AtOnce()
        heartbeat.beat(self.name, ",".join(QUEUES))

    def do_what_is_due(self) -> None:
        for step in self.steps:
            self.guarded(partial(self._until_nothing_is_due, step))
        self.guarded(partial(self.poller.tick, 0))

    def recover(self) -> None:
        self.recovers_at = self.clock.now + RECOVERY
        self.guarded(partial(recovery.free_forgotten, self.name))
        self.guarded(recovery.recover)

    def guarded(self, work) -> None:
        """Do `work`. As in the threads of a real worker, an error ends only this step."""
        try:
            work()
        except Exception:
            log.exception("broke off")
            connection.close()

    def _until_nothing_is_due(self, step) -> None:
        this_round, done = Round(self.name, lambda: None, lambda: False), True
        while done:
            with in_hand.shift():
                done = step.do_next(this_round)

    def holds(self) -> int:
        return in_hand.count(self.name)

    def delete(self) -> None:
        """Delete the worker's row, as another worker does when the process is gone."""
        heartbeat.stop(self.name)


class Walk:
    """A run of `user` at `engine`, from the press of the button until it comes to rest.

    When a worker dies, another one follows; a form that was not answered is sent once more.
    """

    def __init__(self, user: User, engine: str, clock: Clock) -> None:
        self.user, self.engine, self.clock = user, engine, clock
        self.key = uuid.uuid4()
        self.prompt = f"ridges {self.key}"
        self.run: Run | None = None
        clock.put_back()
        self.worker = Worker(clock)
        self.is_stuck = self.has_recovered_at_rest = False
        self.seconds = 0.0
        self.refusals: list[Exception] = []

    def go(self, points: Points, *griefs, **more) -> None:
        """Go the whole way. `griefs` and `more` are those of `Points.walk`."""
        ProviderAccount.objects.update(
            failures=0, paused_until=None, paused_why="", blocked_code="", alert=""
        )
        with points.walk(*griefs, **more):
            for number_of_round in range(MOST_ROUNDS):
                self._go_on(points, recovers=self._recovers(number_of_round, points))
                if self._has_settled():
                    break
                self.clock.wait_until(self._next_look(points))
            else:
                self.is_stuck = True
            self.seconds = self.clock.waited
            # This must change nothing.
            self._go_on(points, recovers=not self.has_recovered_at_rest)
        self.worker.delete()

    def _recovers(self, number_of_round: int, points: Points) -> bool:
        """Whether recovery is due. It has nothing to do on a walk without an error."""
        if not points.met:
            return number_of_round == 0
        return self.clock.now >= self.worker.recovers_at

    def _go_on(self, points: Points, *, recovers: bool) -> None:
        self.has_recovered_at_rest = False
        try:
            if self.run is None:
                self.run = self._press()
            self.worker.do_what_is_due()
            if recovers:
                met, is_at_rest = points.met, self._has_settled()
                self.worker.recover()
                self.has_recovered_at_rest = is_at_rest and points.met == met
        except Killed:
            self.worker.delete()
            self.worker = Worker(self.clock)

    def _press(self) -> Run | None:
        try:
            return ask(self.user, self.engine, 1, prompt=self.prompt, key=self.key)
        except Exception as error:
            self.refusals.append(error)
            return None

    def _open(self):
        return Generation.objects.filter(run=self.run, status__in=OPEN)

    def _has_settled(self) -> bool:
        return self.run is not None and not self._open().exists()

    def _next_look(self, points: Points) -> datetime:
        """When a row falls due. After an error also when a pause ends, or recovery comes.

        A worker looks every two seconds, but nothing can happen in between. An image that is still
        claimed was forgotten, and waits for recovery.
        """
        deliveries = Delivery.objects.filter(generation__run=self.run, claimed_by="")
        moments = [*self._open().values_list("next_action_at", flat=True)]
        moments += deliveries.values_list("next_action_at", flat=True)
        if points.met:
            paused = ProviderAccount.objects.filter(paused_until__gt=self.clock.now)
            moments += [self.worker.recovers_at, *paused.values_list("paused_until", flat=True)]
        return min(filter(None, moments), default=self.clock.now + LOOK)
