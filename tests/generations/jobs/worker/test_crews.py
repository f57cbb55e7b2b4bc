"""Crews use as many threads as there is work, and an exception costs none of them."""

import threading

import pytest

from generations.jobs import in_hand
from generations.jobs.worker.crews import Crew, Step, one_by_one
from generations.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = "a worker of these tests"
PATIENCE_SECONDS = 30


class Work:
    """Pieces of work that wait. Each is done by whoever claims it."""

    def __init__(self, pieces, *, threads=2, piece=lambda: None):
        self.left, self.done = pieces, 0
        self.piece = piece
        self.lock = threading.Lock()
        self.crew = Crew(Step("test", "provider", threads, self.is_due, self.do_next), WORKER)

    def is_due(self):
        return self.left > 0

    def do_next(self, this_round):
        with self.lock:
            if not self.left:
                return False
            self.left -= 1
        this_round.more()
        self.piece()
        with self.lock:
            self.done += 1
        return True

    def finish(self):
        self.crew.close()
        self.crew.wait()


def test_one_hint_is_enough_for_all_that_is_due():
    work = Work(50)
    work.crew.work()
    work.finish()
    assert work.done == 50


def test_one_look_starts_all_threads():
    together = threading.Barrier(4, timeout=PATIENCE_SECONDS)  # three threads, and this test
    work = Work(3, threads=3, piece=together.wait)
    work.crew.look()
    together.wait()
    work.finish()
    assert (work.done, work.crew.busy) == (3, 0)


def test_a_hint_for_a_full_crew_returns_at_once():
    busy, go_on = threading.Event(), threading.Event()
    work = Work(1, threads=1, piece=lambda: (busy.set(), go_on.wait(PATIENCE_SECONDS)))
    work.crew.look()
    assert busy.wait(PATIENCE_SECONDS)
    work.left = 5
    work.crew.work()  # returns, although work is due and every thread is busy
    assert work.left == 5
    go_on.set()
    work.finish()


def test_a_crew_that_is_closed_claims_nothing_and_finishes_what_it_has():
    busy, go_on = threading.Event(), threading.Event()
    work = Work(9, threads=1, piece=lambda: (busy.set(), go_on.wait(PATIENCE_SECONDS)))
    work.crew.look()
    assert busy.wait(PATIENCE_SECONDS)
    work.crew.close()
    go_on.set()
    work.finish()
    work.crew.work()
    assert (work.done, work.left) == (1, 8)


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, ConnectionError])
def test_a_thread_whose_work_raises_is_free_again(error, caplog):
    def fail():
        raise error

    work = Work(1, threads=1, piece=fail)
    work.crew.work()
    assert work.crew.busy == 0
    assert "test broke off" in caplog.text
    work.left, work.piece = 1, lambda: None
    work.crew.work()
    assert work.done == 1


def test_what_is_in_hand_leaves_the_list_however_it_ends():
    def take_and_fail():
        in_hand.take(WORKER, Delivery(pk=7))
        assert in_hand.keys(WORKER, Delivery) == {7}
        raise RuntimeError

    Work(1, piece=take_and_fail).crew.work()
    assert in_hand.count(WORKER) == 0


def test_a_row_that_stays_due_is_done_once_in_a_round(alice):
    tried = []
    do_next = one_by_one(type(alice).objects.all, lambda key, worker: tried.append(key))
    Crew(Step("test", "provider", 1, lambda: True, do_next), WORKER).work()
    assert tried == [alice.pk]
