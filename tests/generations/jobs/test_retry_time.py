"""Work never waits beyond the time that is left, whatever a provider or a clock says."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import ledger
from generations.jobs import recovery
from generations.jobs.execution import submitting
from generations.models import Delivery, Generation, ProviderAccount, Reference
from generations.providers.errors import Code, NotSent, OutcomeUnknown, Unavailable
from generations.providers.types import Accepted
from generations.states import Status
from tests.generations.asking import ask, submit_all
from tests.generations.factories import make_generation, make_reference, make_run
from tests.generations.stub import STUB, let_submit, set_up_stub

pytestmark = pytest.mark.django_db

ACCEPTED = Accepted(task_id="task")
LONG = [7200, 2_300_000_000]


@pytest.fixture
def submitted(alice, monkeypatch, settings):
    """`submitted(*outcomes, keys=1, **able)`: a generation after its first attempt."""

    def submitted(*outcomes, keys=1, **able):
        set_up_stub(monkeypatch, settings, **able)
        slots = {slot: f"key-{slot}" for slot in range(1, keys + 1)}
        settings.PROVIDERS["stub"]["keys"] = slots
        let_submit(monkeypatch, *outcomes)
        run = ask(alice, STUB, 1)
        submitting.submit(submitting.dispatch.claim_next("worker"))
        return run.generations.get()

    return submitted


def limited(seconds):
    return Unavailable(code=Code.RATE_LIMITED, retry_after=seconds)


def wait_of(generation):
    return (generation.next_action_at - timezone.now()).total_seconds()


@pytest.mark.parametrize("seconds", LONG)
def test_a_provider_that_asks_for_more_time_than_is_left_fails_at_once(submitted, alice, seconds):
    generation = submitted(limited(seconds))
    assert (generation.status, generation.error_code) == (Status.FAILED, "rate_limited")
    assert ledger.balance(alice).reserved == ledger.balance(alice).spent == 0


@pytest.mark.parametrize("code", [Code.RATE_LIMITED, Code.PROVIDER_ERROR])
def test_another_key_does_the_work_and_this_one_rests(submitted, code):
    generation = submitted(Unavailable(code=code, retry_after=7200), ACCEPTED, keys=2)
    assert generation.status == Status.QUEUED
    resting = generation.account
    assert resting.paused_until <= timezone.now() + timedelta(minutes=5)
    submit_all("worker")
    generation.refresh_from_db()
    assert generation.status == Status.RUNNING
    assert generation.account != resting


def test_a_blocked_key_does_not_count_as_another_key(submitted):
    first = submitted(limited(7200), keys=2)
    assert first.status == Status.QUEUED
    submit_all("worker")
    first.refresh_from_db()
    assert first.status == Status.FAILED
    assert ProviderAccount.objects.filter(paused_until__isnull=False).count() == 2


def test_the_wait_that_a_provider_asks_for_is_kept_if_there_is_time(submitted):
    assert 100 < wait_of(submitted(limited(120))) <= 120


@pytest.mark.parametrize("error", [NotSent(), limited(5), OutcomeUnknown()])
def test_no_wait_goes_beyond_the_time_that_is_left(submitted, settings, error):
    settings.PROVIDER_RETRY_SECONDS = 5.5
    generation = submitted(error, takes_idempotency_key=True)
    assert wait_of(generation) <= 5.5


def test_what_may_have_been_accepted_goes_to_no_other_key(submitted):
    generation = submitted(OutcomeUnknown(), limited(7200), keys=2, takes_idempotency_key=True)
    Generation.objects.update(next_action_at=timezone.now())
    submit_all("worker")
    generation.refresh_from_db()
    assert generation.status == Status.UNKNOWN


def test_a_clock_that_is_set_back_an_hour_strands_nothing(alice):
    run = make_run(alice, wanted=2, open=2)
    in_an_hour = timezone.now() + timedelta(hours=1)
    queued = make_generation(run, Status.QUEUED, next_action_at=in_an_hour)
    running = make_generation(run, Status.RUNNING, next_action_at=in_an_hour, claimed_by="")
    storing = make_generation(run, Status.STORING)
    image = Delivery.objects.create(generation=storing, index=0, next_action_at=in_an_hour)
    pending = {"status": Reference.Status.PENDING, "next_action_at": in_an_hour}
    upload = make_reference(alice, **pending)
    recovery.recover()
    for row in (queued, running, image, upload):
        row.refresh_from_db()
        assert row.next_action_at <= timezone.now()


def test_a_clock_that_is_set_forward_an_hour_only_puts_a_task_off(alice):
    """It is past its deadline and can't be polled: it becomes unknown and is looked up."""
    run = make_run(alice, wanted=1, open=1)
    an_hour_ago = timezone.now() - timedelta(minutes=50)
    row = make_generation(run, Status.RUNNING, deadline_at=an_hour_ago, claimed_by="")
    recovery.recover()
    row.refresh_from_db()
    assert row.status == Status.UNKNOWN
    assert timezone.now() < row.next_action_at <= timezone.now() + timedelta(minutes=10)
