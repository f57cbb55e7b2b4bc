"""Loops in threads continue after any exception, and one that hangs can be replaced."""

import threading

import pytest

from generations.jobs.worker.loops import ThreadLoop

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 30


@pytest.fixture
def run():
    """`run(make_step)`: a loop that runs until the test ends."""
    started = []

    def run(make_step):
        loop = ThreadLoop("test", make_step, pause=0.001)
        loop.start()
        started.append(loop)
        return loop

    yield run
    for loop in started:
        loop.stop()


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, RecursionError, StopIteration])
def test_a_loop_goes_on_after_any_exception(run, error, monkeypatch, caplog):
    monkeypatch.setattr("generations.jobs.worker.loops.AFTER_ERROR_SECONDS", 0)
    calls, third = [], threading.Event()

    def step():
        calls.append(1)
        if len(calls) < 3:
            raise error
        third.set()

    run(lambda turn: (step, None))
    assert third.wait(PATIENCE_SECONDS)
    assert "test broke off; it continues" in caplog.text


def test_a_step_that_hangs_is_replaced_by_a_new_one_that_shares_nothing_with_it(run):
    hangs, released, second = threading.Event(), threading.Event(), threading.Event()
    made = []

    def make_step(turn):
        made.append(1)
        if len(made) == 1:
            return lambda: (hangs.set(), released.wait(PATIENCE_SECONDS)), None
        return second.set, None

    loop = run(make_step)
    assert hangs.wait(PATIENCE_SECONDS)
    loop.restart()
    assert second.wait(PATIENCE_SECONDS)
    released.set()
    assert len(made) == 2


def test_the_end_of_a_loop_closes_what_its_step_holds():
    closed = threading.Event()
    loop = ThreadLoop("test", lambda turn: (lambda: None, closed.set), pause=0.001)
    loop.start()
    loop.stop()
    assert closed.is_set()
