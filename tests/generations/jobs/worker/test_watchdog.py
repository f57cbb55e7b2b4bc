"""A loop that stands still is restarted; a worker that can't work ends; waiting is allowed."""

import pytest

from generations.jobs.worker import loops, watchdog
from generations.jobs.worker.loops import Loop
from generations.jobs.worker.watchdog import HEARTBEAT_STUCK_SECONDS, STUCK_SECONDS, Watchdog


class Clock:
    """A clock that only the test moves."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(loops.time, "monotonic", lambda: self.now)

    def __call__(self):
        return self.now


class Watched:
    """A heartbeat and a poller under a watchdog, and what it did."""

    def __init__(self, clock):
        self.clock = clock
        self.heartbeat, self.poller = Loop("heartbeat"), Loop("poller")
        self.heartbeat.is_running = self.poller.is_running = True
        self.gave_up, self.died = [], []
        self.dog = Watchdog(
            [self.heartbeat, self.poller], give_up=self.gave_up.append, die=self.died.append
        )

    def pass_by(self, seconds, *turning):
        """Let seconds pass, in which the watchdog looks and only the loops in `turning` turn."""
        for _ in range(int(seconds)):
            self.clock.now += 1
            for loop in turning:
                loop.turn()
            self.dog.look()


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(watchdog, "_dump_threads", lambda loop: None)
    return Watched(Clock(monkeypatch))


def test_a_loop_that_stands_still_is_started_again_in_place(watched):
    watched.pass_by(STUCK_SECONDS - 1, watched.heartbeat)
    assert watched.poller.restarts == 0
    watched.pass_by(1, watched.heartbeat)
    assert watched.poller.restarts == 1
    watched.pass_by(5, watched.heartbeat, watched.poller)
    assert (watched.gave_up, watched.died, watched.dog.sees_all_turn) == ([], [], True)


def test_if_a_restart_does_not_help_the_worker_ends_in_good_order(watched):
    watched.pass_by(2 * STUCK_SECONDS + 1, watched.heartbeat)
    assert watched.poller.restarts == 1
    assert watched.gave_up == ["its poller stands still and could not be started again"]
    assert watched.died == []


def test_a_loop_that_has_turned_again_is_restarted_the_next_time(watched):
    watched.pass_by(STUCK_SECONDS, watched.heartbeat)
    watched.pass_by(1, watched.heartbeat, watched.poller)
    watched.pass_by(STUCK_SECONDS, watched.heartbeat)
    assert watched.poller.restarts == 1
    assert watched.gave_up == []


def test_a_heartbeat_is_replaced_before_others_miss_it(watched):
    watched.pass_by(HEARTBEAT_STUCK_SECONDS, watched.poller)
    assert watched.heartbeat.restarts == 1
    assert watched.died == []


def test_only_a_heartbeat_that_stands_still_for_good_ends_the_process_at_once(watched):
    watched.pass_by(STUCK_SECONDS, watched.poller)
    assert watched.died == ["its heartbeat stands still"]
    assert watched.gave_up == []


def test_a_loop_that_is_not_meant_to_turn_is_not_stuck(watched):
    """Celery's own loop while the broker is away."""
    watched.poller.is_running = False
    watched.pass_by(10 * STUCK_SECONDS, watched.heartbeat)
    assert (watched.poller.restarts, watched.gave_up) == (0, [])


def test_after_a_pause_of_the_whole_process_no_loop_is_restarted(watched):
    watched.clock.now += 10 * STUCK_SECONDS  # SIGSTOP, or a laptop that slept
    watched.dog.look()
    assert (watched.heartbeat.restarts, watched.poller.restarts, watched.died) == (0, 0, [])


def test_while_a_loop_stands_still_the_worker_does_not_say_that_it_turns(watched):
    watched.clock.now += STUCK_SECONDS - 1
    assert watched.dog.sees_all_turn
    watched.clock.now += 1
    assert not watched.dog.sees_all_turn


def test_while_the_watchdog_stands_still_the_worker_does_not_say_that_it_turns(watched):
    watched.clock.now += STUCK_SECONDS
    watched.poller.turn()
    assert not watched.dog.sees_all_turn
