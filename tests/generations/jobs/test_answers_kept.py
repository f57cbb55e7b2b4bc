"""A provider's answer is kept although the database or the disk fails while it arrives."""

import itertools
import threading

import pytest
from django.db import OperationalError, connection

from accounts import ledger
from accounts.models import Record
from generations import storage
from generations.jobs import provider_health
from generations.jobs.execution import accidents, setbacks, submitting
from generations.models import Generation, ProviderAccount
from generations.providers.errors import NotSent, OutcomeUnknown, ProviderFailed, Refused
from generations.providers.types import Accepted, InlineImage, RemoteImage, Result
from generations.states import Status
from tests.generations.asking import ask, submit_all
from tests.generations.stub import STUB, let_submit, set_up_stub

pytestmark = pytest.mark.django_db(transaction=True)

ACCEPTED = Accepted(task_id="task", urls={"poll": "https://stub.example/task"})
INLINE = Result(images=(InlineImage(b"bytes"),), model="m")
LINKED = Result(images=(RemoteImage("https://stub.example/1.png"),), model="m")


@pytest.fixture(autouse=True)
def stub(monkeypatch, settings):
    monkeypatch.setattr(accidents, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(accidents, "MOST_PAUSE_SECONDS", 0.002)
    return set_up_stub(monkeypatch, settings)


def cut():
    """End the session of this thread's connection, so that the next query on it fails."""
    connection.ensure_connection()
    raw = connection.connection
    if connection.vendor == "sqlite":
        raw.set_progress_handler(lambda: 1, 1)
        return
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [raw.info.backend_pid])
    other.close()


def after_cut(outcome):
    def answer(_payload):
        cut()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return answer


OUTCOMES = [
    (ACCEPTED, Status.RUNNING),
    (INLINE, Status.STORING),
    (LINKED, Status.STORING),
    (NotSent(), Status.QUEUED),
    (OutcomeUnknown(), Status.UNKNOWN),
    (Refused(), Status.FAILED),
    (ProviderFailed(), Status.FAILED),
]


@pytest.mark.parametrize(("outcome", "status"), OUTCOMES)
def test_a_connection_cut_during_a_submit_loses_no_answer(alice, monkeypatch, outcome, status):
    let_submit(monkeypatch, after_cut(outcome))
    generation = ask(alice, STUB, 1).generations.get()
    submit_all("worker")
    generation.refresh_from_db()
    assert generation.status == status
    assert generation.task_id == (outcome.task_id if status == Status.RUNNING else "")
    assert generation.deliveries.count() == (status == Status.STORING)
    assert ledger.reconcile() == []


def test_connections_cut_during_four_submits_at_once_lose_no_task(alice, monkeypatch):
    numbers, together = itertools.count(), threading.Barrier(4)

    def answer(_payload):
        together.wait(timeout=30)
        return after_cut(Accepted(task_id=f"task-{next(numbers)}"))(_payload)

    let_submit(monkeypatch, answer)
    for _ in range(4):
        ask(alice, STUB, 1)
    threads = [threading.Thread(target=submit_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = Generation.objects.values_list("status", "task_id")
    assert sorted(rows) == [("running", f"task-{number}") for number in range(4)]


def submit_one():
    try:
        submitting.submit(submitting.dispatch.claim_next("worker"))
    finally:
        connection.close()


class Breaking:
    """Makes statement number `at` after the answer fail, as on a dead connection."""

    def __init__(self, at, times=1):
        self.at, self.times, self.seen, self.answered = at, times, 0, False

    def __call__(self, execute, sql, params, many, context):
        self.seen += self.answered
        if self.answered and self.at <= self.seen < self.at + self.times:
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, params, many, context)

    def answer(self, outcome):
        def answer(_payload):
            self.answered = True
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return answer


@pytest.mark.parametrize(("outcome", "status"), OUTCOMES)
def test_a_connection_may_die_at_any_statement_after_the_answer(
    alice, monkeypatch, outcome, status
):
    for at in itertools.count(1):
        breaking = Breaking(at)
        let_submit(monkeypatch, breaking.answer(outcome))
        generation = ask(alice, STUB, 1).generations.get()
        with connection.execute_wrapper(breaking):
            submitting.submit(submitting.dispatch.claim_next("worker"))
        generation.refresh_from_db()
        assert generation.status == status, f"broken at statement {at}"
        moved = Record.objects.filter(subject_id=generation.uuid, facts__to=status)
        assert moved.count() == 1
        end(generation)
        if breaking.seen < at:
            break
    assert at > 5
    assert ledger.reconcile() == []


def end(generation):
    """End the generation, because the next one gets the same task and the same key."""
    ProviderAccount.objects.update(failures=0, paused_until=None)
    Generation.objects.filter(pk=generation.pk).update(task_id="", status=Status.CANCELLED)


def test_an_answer_is_held_while_the_database_is_away(alice, monkeypatch):
    breaking = Breaking(1, times=8)
    let_submit(monkeypatch, breaking.answer(ACCEPTED))
    generation = ask(alice, STUB, 1).generations.get()
    with connection.execute_wrapper(breaking):
        submit_all("worker")
    generation.refresh_from_db()
    assert (generation.status, generation.task_id) == (Status.RUNNING, "task")


def test_images_within_an_answer_are_held_while_the_disk_is_full(alice, monkeypatch):
    full, save = [1, 2, 3], storage.save_original

    def save_later(name, data):
        if full:
            full.pop()
            raise OSError(28, "No space left on device")
        save(name, data)

    let_submit(monkeypatch, INLINE)
    monkeypatch.setattr(storage, "save_original", save_later)
    generation = ask(alice, STUB, 1).generations.get()
    submit_all("worker")
    assert generation.deliveries.get().status == "fetched"


def test_trouble_of_our_own_before_a_byte_is_sent_uses_up_no_attempt(alice, monkeypatch, settings):
    """Storage is away, and with it the references."""

    def away(_generation):
        raise storage.StorageAway("no answer")

    let_submit(monkeypatch, ACCEPTED)
    generation = ask(alice, STUB, 1).generations.get()
    with monkeypatch.context() as patch:
        patch.setattr(submitting.requests, "request_of", away)
        for _ in range(2 * settings.PROVIDER_MAX_ATTEMPTS):
            assert submit_all("worker") == 1
            Generation.objects.update(next_action_at=None)
    submit_all("worker")
    generation.refresh_from_db()
    assert (generation.status, generation.attempt) == (Status.RUNNING, 1)


def test_a_failed_note_about_the_key_loses_only_the_note(alice, monkeypatch):
    def broken(*_given):
        raise RuntimeError("nobody foresaw this")

    let_submit(monkeypatch, ACCEPTED)
    monkeypatch.setattr(provider_health, "note_success", broken)
    generation = ask(alice, STUB, 1).generations.get()
    submit_all("worker")
    generation.refresh_from_db()
    assert generation.status == Status.RUNNING


def test_a_submit_that_cannot_be_written_does_not_delay_the_next(alice, monkeypatch):
    """Nothing about the first submit can be written, so its row waits for recovery."""
    let_submit(monkeypatch, ACCEPTED)
    first, second = (ask(alice, STUB, 1).generations.get() for _ in range(2))
    keep, put_right = submitting._keep, setbacks._put_right

    def unless_first(step):
        def checked(generation, *more):
            if generation.pk == first.pk:
                raise RuntimeError("nobody foresaw this")
            return step(generation, *more)

        return checked

    monkeypatch.setattr(submitting, "_keep", unless_first(keep))
    monkeypatch.setattr(setbacks, "_put_right", unless_first(put_right))
    submit_all("worker")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == (Status.SUBMITTING, Status.RUNNING)
