"""Real workers that can't start, get no hint, are told to stop, or hang."""

import signal
import socket

import pytest

from generations.models import Run, Worker
from generations.states import RunStatus, Status
from tests.emulator import troubles
from tests.faults.studio import Workers, empty_broker, wait_for
from tests.generations.asking import APIXO, DEMO, ask

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def settings_of_workers(emulator):
    return {
        "APIXO_API_KEY": emulator.key("apixo"),
        "APIXO_BASE_URL": emulator.base_url("apixo"),
        "PROVIDER_PRIVATE_HOSTS": emulator.host,
    }


@pytest.fixture
def start(tmp_path, settings_of_workers):
    """`start(**env)`: a worker without beat, so that only the worker itself moves the work."""
    started = []

    def start(*, program="celery", **env):
        workers = Workers(tmp_path, **{**settings_of_workers, **env})
        workers.start(program=program)
        started.append(workers)
        return workers

    yield start
    for workers in started:
        workers.kill()


def has_ended(run):
    return lambda: not Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).exists()


def ends(process):
    wait_for(lambda: process.poll() is not None, "the worker ends")


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_start_that_fails_ends_the_process_with_its_reason(start, tmp_path):
    workers = start(
        DATABASE_URL=f"postgres://nobody@127.0.0.1:{closed_port()}/none", DATA_DIR=str(tmp_path)
    )
    [process] = workers.processes
    ends(process)
    assert process.returncode == 1
    assert "This worker can't start: connection failed" in workers.log()
    assert "the next start is in 1 s" in workers.log()
    assert "ready" not in workers.log()


def test_work_is_done_without_beat_and_without_hints(alice, start):
    run = ask(alice, DEMO, 1)
    empty_broker()
    workers = start()
    wait_for(has_ended(run), "the run ends", workers)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED


def test_a_worker_without_a_broker_finds_work_in_the_tables(alice, start, tmp_path):
    run = ask(alice, DEMO, 1)
    workers = start(CELERY_BROKER_URL=f"redis://127.0.0.1:{closed_port()}/0")
    wait_for(has_ended(run), "the run ends", workers)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED


def test_a_worker_that_is_told_to_stop_finishes_its_submits(alice, apixo_key, emulator, start):
    emulator.script("apixo", "submit", troubles.held())
    run = ask(alice, APIXO, 1)
    workers = start(WORKER_DRAIN_SECONDS="600")
    wait_for(lambda: emulator.submits("apixo"), "a submit is on its way", workers)
    [process] = workers.processes
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: "Warm shutdown" in workers.log(), "it has heard", workers)
    emulator.let_go()
    ends(process)
    assert process.returncode == 0
    assert run.generations.get().status == Status.RUNNING
    assert not Worker.objects.exists()


def test_a_worker_whose_time_to_finish_is_up_ends_and_frees_what_it_had(
    alice, apixo_key, emulator, start
):
    emulator.script("apixo", "submit", troubles.held())
    ask(alice, APIXO, 1)
    workers = start(WORKER_DRAIN_SECONDS="1")
    wait_for(lambda: emulator.submits("apixo"), "a submit is on its way", workers)
    [process] = workers.processes
    process.send_signal(signal.SIGTERM)
    ends(process)
    assert process.returncode == 70
    assert not Worker.objects.exists()


def test_a_poller_that_hangs_is_started_again_in_place(alice, start):
    """The first poller hangs in its first tick for ever; its successor does not."""
    run = ask(alice, DEMO, 1)
    workers = start(program="tests.faults.hanging_worker", HANGING_POLLERS="1")
    wait_for(has_ended(run), "the run ends", workers)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED
    workers.assert_alive()
    assert "the poller has not turned" in workers.log()
    assert "in hang" in workers.log()  # the dump of all threads shows the line of code


def test_a_worker_that_cannot_be_helped_finishes_its_submits_and_ends(
    alice, apixo_key, emulator, start
):
    emulator.script("apixo", "submit", troubles.held())
    run = ask(alice, APIXO, 1)
    workers = start(program="tests.faults.hanging_worker", HANGING_POLLERS="99")
    [process] = workers.processes
    why = "This worker ends because its poller stands still"
    wait_for(lambda: why in workers.log(), "it gives up")
    assert process.poll() is None  # before the submit has been answered
    emulator.let_go()
    ends(process)
    assert process.returncode == 70
    assert run.generations.get().status == Status.RUNNING  # and not unknown
    assert len(emulator.submits("apixo")) == 1


def test_a_consumer_that_hangs_does_not_delay_the_work(alice, start):
    run = ask(alice, DEMO, 1)
    workers = start(program="tests.faults.hanging_worker", HANGING_CONSUMER="1")
    wait_for(has_ended(run), "the run ends", workers)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED
    [process] = workers.processes
    process.send_signal(signal.SIGUSR2)
    ends(process)
    assert process.returncode == 70
    assert "its consumer of hints stands still" in workers.log()
