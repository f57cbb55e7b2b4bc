"""kill -9 while every provider is being asked at once: nobody is asked for the same work twice."""

import pytest

from accounts import ledger
from generations.models import Generation, Run
from generations.states import RunStatus, Status
from tests.faults.studio import Workers, empty_broker, wait_for
from tests.generations.asking import ask

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

KEYED = ("apiframe", "apipod")
KEYLESS = ("apixo", "fal", "modelark", "replicate", "seedance")


@pytest.fixture
def workers(tmp_path, providers):
    env = {
        f"{name.upper()}_{what}": value
        for name in providers.providers
        for what, value in {
            "API_KEY": providers.key(name),
            "BASE_URL": providers.base_url(name),
            **{key.upper(): value for key, value in providers.options(name).items()},
        }.items()
    }
    private = {"PROVIDER_PRIVATE_HOSTS": providers.host, "PROVIDER_TIME_SCALE": "0.02"}
    workers = Workers(tmp_path, **env, **private)
    yield workers
    workers.kill()


@pytest.mark.parametrize(
    "trouble", [{"delay": 20}, {"drip": 2}], ids=["before-the-provider-took-it", "afterwards"]
)
def test_at_most_one_order_without_a_key_and_exactly_one_with(alice, providers, workers, trouble):
    runs = {name: ask(alice, f"{name}/seedream-4-5", 1) for name in (*KEYED, *KEYLESS)}
    for name in runs:
        providers.script(name, "submit", trouble)
    workers.start()
    wait_for(lambda: all(on_its_way(name, providers) for name in runs), "all are sent", workers)
    workers.kill()
    empty_broker()
    workers.start()
    wait_for(lambda: not Run.objects.filter(status=RunStatus.PENDING).exists(), "the end", workers)
    statuses = {name: Run.objects.get(pk=run.pk).status for name, run in runs.items()}
    assert statuses == dict.fromkeys(KEYED, RunStatus.SUCCEEDED) | dict.fromkeys(
        KEYLESS, RunStatus.UNKNOWN
    )
    for name in KEYLESS:
        assert len(providers.submits(name)) == 1
    for name in KEYED:
        wait_for(lambda: len(made(name, providers)) == 1, f"one task at {name}")  # noqa: B023
        keys = {call.headers.get("Idempotency-Key") for call in providers.submits(name)}
        assert len(keys) == 1
    assert ledger.reconcile() == []


def on_its_way(name, emulator):
    sent = Generation.objects.filter(
        provider=name, status=Status.SUBMITTING, submitted_at__isnull=False
    )
    return emulator.submits(name) and sent.exists()


def made(name, emulator):
    return [task for task in emulator.tasks.values() if task.provider == name]
