"""A run arrives although cache and broker fail after each of its commits."""

import pytest
from django.core.cache.backends.dummy import DummyCache

from accounts import ledger
from generations import submission
from generations.jobs import hints
from generations.jobs.execution import delivering, polling
from generations.providers import fetching
from generations.providers.types import Accepted, RemoteImage, Result
from generations.states import RunStatus
from tests.generations.asking import ask, submit_all
from tests.generations.factories import image_file
from tests.generations.stub import STUB, StubProvider, let_submit, set_up_stub

pytestmark = pytest.mark.django_db(transaction=True)


class BrokenCache(DummyCache):
    """A cache that can't be written."""

    def set(self, *_given, **_more):
        raise ConnectionError("the cache is away")

    add = incr = set


@pytest.fixture
def failing(monkeypatch, settings):
    """The hooks that failed."""
    failed = []

    def broken(message):
        failed.append(message[0])
        raise ConnectionError("the broker is away")

    settings.CACHES = {key: {"BACKEND": f"{__name__}.BrokenCache"} for key in settings.CACHES}
    monkeypatch.setattr(hints._publisher, "take", broken)
    return failed


def test_a_run_arrives(alice, monkeypatch, settings, failing):
    """Submission, cancel, claim, answer, fetch, label and settle."""
    set_up_stub(monkeypatch, settings)
    link = RemoteImage("https://cdn.example/1.png")
    let_submit(monkeypatch, Accepted(task_id="task"))
    monkeypatch.setattr(StubProvider, "poll", lambda self, task: Result(images=(link,)))
    monkeypatch.setattr(fetching, "fetch", lambda url, **more: image_file((600, 600)))
    run = ask(alice, STUB, 2)
    generation, unwanted = run.generations.all()
    assert submission.cancel(unwanted, actor=alice)
    submit_all("worker")
    generation.refresh_from_db()
    polling.write_down([polling.ask(generation)])
    delivery = generation.deliveries.get()
    delivering.fetch(delivery.pk, "worker")
    delivering.label_and_store(delivery.pk, "worker")
    run.refresh_from_db()
    assert (run.status, run.delivered, run.open) == (RunStatus.PARTIAL, 1, 0)
    assert {hints.SUBMIT, hints.FETCH, hints.LABEL} <= set(failing)
    assert ledger.balance(alice).spent == generation.price.credits
    assert ledger.reconcile() == []
