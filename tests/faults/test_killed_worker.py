"""kill -9 of the worker in each phase: one end, one charge, one submit, whatever is lost."""

import pytest

from accounts import ledger
from accounts.models import Entry
from generations.models import Delivery, Generation, Image, Run
from generations.states import ENDED, RunStatus, Status
from tests.faults.studio import Workers, empty_broker, wait_for
from tests.generations.asking import APIXO, DEMO, ask

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def workers(tmp_path, emulator):
    workers = Workers(
        tmp_path,
        APIXO_API_KEY=emulator.key("apixo"),
        APIXO_BASE_URL=emulator.base_url("apixo"),
        PROVIDER_PRIVATE_HOSTS=emulator.host,
        PROVIDER_TIME_SCALE="0.02",
    )
    yield workers
    workers.kill()


def is_at(status, **more):
    return lambda: Generation.objects.filter(status=status, **more).exists()


def a_delivery_is(status):
    return lambda: Delivery.objects.filter(status=status).exclude(claimed_by="").exists()


def assert_each_once(run):
    """Every generation has one end, every image one row and one charge, and the books agree."""
    generations = list(run.generations.all())
    assert all(row.status in ENDED | {Status.UNKNOWN} for row in generations)
    assert Image.objects.filter(run=run).count() == run.delivered
    assert sum(row.delivered for row in generations) == run.delivered
    for row in generations:
        entries = Entry.objects.filter(generation=row.uuid, allowance__user__isnull=False)
        settled = {entry.kind: entry.amount for entry in entries}
        assert settled.get("settle", 0) == row.delivered * row.price.credits
    assert ledger.reconcile() == []


def survive(workers, run, killed_when, what):
    """Start, wait for the phase, kill -9, forget every message, start again, wait for the end."""
    workers.start()
    wait_for(killed_when, what, workers)
    workers.kill()
    empty_broker()
    workers.start()
    wait_for(
        lambda: not Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).exists(),
        "the run ends",
        workers,
    )
    run.refresh_from_db()
    assert_each_once(run)


def test_during_submit_the_outcome_is_unknown_and_nothing_is_sent_again(
    alice, apixo_key, emulator, workers
):
    emulator.script("apixo", "submit", {"delay": 30})
    run = ask(alice, APIXO, 2)
    sent = is_at(Status.SUBMITTING, submitted_at__isnull=False)
    survive(workers, run, lambda: sent() and emulator.submits("apixo"), "a submit is on its way")
    assert run.status == RunStatus.UNKNOWN
    assert ledger.balance(alice).reserved == 2 * run.generations.get().price.credits
    assert len(emulator.submits("apixo")) == 1


def test_during_poll(alice, apixo_key, emulator, workers):
    emulator.script("apixo", "status", {"delay": 30})
    run = ask(alice, APIXO, 2)
    survive(workers, run, lambda: emulator.polls("apixo"), "a poll is on its way")
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 2)
    assert len(emulator.submits("apixo")) == 1


def test_during_fetch(alice, apixo_key, emulator, workers):
    emulator.script("apixo", "image", {"delay": 30})
    run = ask(alice, APIXO, 2)
    survive(workers, run, a_delivery_is("pending"), "a fetch is on its way")
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 2)
    assert len(emulator.submits("apixo")) == 1


def test_during_label(alice, apixo_key, emulator, workers):
    run = ask(alice, APIXO, 4, resolution="4K")
    survive(workers, run, a_delivery_is("fetched"), "a picture is being labelled")
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 4)
    assert len(emulator.submits("apixo")) == 1


def test_twelve_demo_runs_while_the_worker_is_killed_again_and_again(alice, workers):
    runs = [ask(alice, DEMO, 1, prompt=f"ridge {n}") for n in range(12)]
    for ended in (1, 4, 8):
        workers.start()
        wait_for(
            lambda: Run.objects.exclude(status=RunStatus.PENDING).count() >= ended,  # noqa: B023
            f"{ended} runs end",
            workers,
        )
        workers.kill()
        empty_broker()
    workers.start()
    wait_for(lambda: not Run.objects.filter(status=RunStatus.PENDING).exists(), "all end", workers)
    for run in runs:
        run.refresh_from_db()
        assert_each_once(run)
        assert run.status == RunStatus.SUCCEEDED
