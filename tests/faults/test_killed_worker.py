"""kill -9 of the worker in each phase: one end, one charge, one submit."""

import os
from pathlib import Path

import pytest

from accounts import ledger
from accounts.models import Entry
from generations import storage
from generations.models import Delivery, Image, Run
from generations.states import ENDED, RunStatus, Status
from tests.emulator import troubles
from tests.faults.studio import Workers, empty_broker, put_off_deadlines, wait_for
from tests.generations.asking import APIXO, DEMO, ask
from tests.generations.factories import image_file

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def workers(tmp_path, emulator):
    workers = Workers(
        tmp_path,
        APIXO_API_KEY=emulator.key("apixo"),
        APIXO_BASE_URL=emulator.base_url("apixo"),
        PROVIDER_PRIVATE_HOSTS=emulator.host,
    )
    yield workers
    workers.kill()


def assert_each_once(run):
    """Every generation has one end, every image one row and one charge, and the ledger agrees."""
    generations = list(run.generations.all())
    assert all(row.status in ENDED | {Status.UNKNOWN} for row in generations)
    assert Image.objects.filter(run=run).count() == run.delivered
    assert sum(row.delivered for row in generations) == run.delivered
    for row in generations:
        entries = Entry.objects.filter(generation=row.uuid, allowance__user__isnull=False)
        settled = {entry.kind: entry.amount for entry in entries}
        assert settled.get("settle", 0) == row.delivered * row.price.credits
    assert ledger.reconcile() == []


def survive(workers, run, killed_when, what, meanwhile=lambda: None):
    """Start, wait for the phase, kill -9, delete every message, start again, wait for the end."""
    workers.start()
    wait_for(killed_when, what, workers)
    workers.kill()
    empty_broker()
    put_off_deadlines()
    meanwhile()
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
    emulator.script("apixo", "submit", troubles.held())
    run = ask(alice, APIXO, 2)
    survive(workers, run, lambda: emulator.submits("apixo"), "a submit is on its way")
    assert run.status == RunStatus.UNKNOWN
    assert ledger.balance(alice).reserved == 2 * run.generations.get().price.credits
    assert len(emulator.submits("apixo")) == 1


def test_during_poll(alice, apixo_key, emulator, workers):
    emulator.script("apixo", "status", troubles.held())
    run = ask(alice, APIXO, 2)
    survive(workers, run, lambda: emulator.polls("apixo"), "a poll is on its way")
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 2)
    assert len(emulator.submits("apixo")) == 1


def test_during_fetch(alice, apixo_key, emulator, workers):
    emulator.script("apixo", "image", troubles.held())
    run = ask(alice, APIXO, 2)
    survive(workers, run, lambda: emulator.calls("apixo", "image"), "a fetch is on its way")
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 2)
    assert len(emulator.submits("apixo")) == 1


def test_during_label(alice, apixo_key, emulator, workers):
    """Named pipes replace two originals, so labelling waits for bytes that never come."""
    run = ask(alice, APIXO, 2)
    pipes = [original_of(run, index) for index in (0, 1)]
    for pipe in pipes:
        pipe.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(pipe)

    def fill():
        for pipe in pipes:
            pipe.unlink()
            pipe.write_bytes(image_file((640, 640)))

    labelling = Delivery.objects.filter(status="fetched").exclude(claimed_by="")
    survive(workers, run, labelling.exists, "an image is being labelled", meanwhile=fill)
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 2)
    assert len(emulator.submits("apixo")) == 1


def original_of(run, index):
    name = storage.original_name(run.generations.get().uuid, attempt=1, index=index)
    return Path(storage.originals().path(name))


def test_six_demo_runs_while_the_worker_is_killed_again_and_again(alice, workers):
    runs = [ask(alice, DEMO, 1, prompt=f"ridge {n}") for n in range(6)]
    for ended in (1, 3):
        workers.start()
        wait_for(
            lambda: Run.objects.exclude(status=RunStatus.PENDING).count() >= ended,  # noqa: B023
            f"{ended} runs end",
            workers,
        )
        workers.kill()
        empty_broker()
    workers.start(beat=True)
    wait_for(lambda: not Run.objects.filter(status=RunStatus.PENDING).exists(), "all end", workers)
    for run in runs:
        run.refresh_from_db()
        assert_each_once(run)
        assert run.status == RunStatus.SUCCEEDED
