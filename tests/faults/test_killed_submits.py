"""kill -9 while every provider is being asked at once: no work is ordered twice."""

import pytest

from accounts import ledger
from generations.models import Run
from generations.states import RunStatus
from tests.emulator import troubles
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
    workers = Workers(tmp_path, **env, PROVIDER_PRIVATE_HOSTS=providers.host)
    yield workers
    workers.kill()


def has_come(call):
    return call.body is not None


def is_being_answered(call):
    return call.status != 0


@pytest.mark.parametrize(
    ("trouble", "is_there"),
    [(troubles.held(), has_come), (troubles.held_midway(), is_being_answered)],
    ids=["before-the-provider-took-it", "afterwards"],
)
def test_at_most_one_order_without_a_key_and_exactly_one_with(
    alice, providers, workers, trouble, is_there
):
    runs = {name: ask(alice, f"{name}/seedream-4-5", 1) for name in (*KEYED, *KEYLESS)}
    for name in runs:
        providers.script(name, "submit", trouble)
    workers.start()
    wait_for(
        lambda: all(any(map(is_there, providers.submits(name))) for name in runs), "all", workers
    )
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
    providers.let_go()  # providers receive what was sent before the worker died
    for name in KEYED:
        sent = providers.submits(name)
        wait_for(lambda: all(map(is_being_answered, sent)), f"{name} answers all")  # noqa: B023
        assert len({call.headers.get("Idempotency-Key") for call in sent}) == 1
        assert [task.provider for task in providers.tasks.values()].count(name) == 1
    assert ledger.reconcile() == []
