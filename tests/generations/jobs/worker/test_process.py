"""A worker's claims are compared with what it really has in hand."""

import pytest
from django.db import OperationalError

from generations.jobs import dispatch, heartbeat, in_hand, recovery
from generations.jobs.execution import delivering, polling, submitting
from generations.jobs.recovery import claims
from generations.jobs.worker import WorkerProcess
from generations.jobs.worker import process as worker_process
from generations.models import Delivery, Generation, ProviderAccount, Worker
from generations.states import Status
from tests.generations.asking import APIXO, ask
from tests.generations.factories import make_generation, make_run

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = "elsewhere:1:alive"


@pytest.fixture
def worker(db):
    heartbeat.beat(WORKER, "provider")
    return WORKER


def claims_of(worker):
    return Generation.objects.filter(claimed_by=worker)


class TestForgottenClaims:
    """Rows that a live worker has claimed although nobody in it works on them."""

    def test_a_submit_that_was_not_sent_goes_back_into_line(self, alice, apixo_key, worker):
        ask(alice, APIXO, 1)
        dispatch.claim_next(worker)
        assert recovery.free_forgotten(worker) == 1
        assert Generation.objects.get().status == Status.QUEUED

    def test_one_that_was_sent_without_a_key_is_unknown(self, alice, apixo_key, worker):
        ask(alice, APIXO, 1)
        claimed = dispatch.claim_next(worker)
        Generation.objects.update(submitted_at=claimed.created_at)
        recovery.free_forgotten(worker)
        assert Generation.objects.get().status == Status.UNKNOWN

    def test_a_poll_is_due_again_at_once(self, alice, apixo_key, worker):
        account = ProviderAccount.objects.create(
            provider="apixo", slot=1, key_fingerprint="f", concurrency=9, per_minute=9
        )
        run = make_run(alice, engine=APIXO, open=1)
        row = make_generation(run, Status.RUNNING, account=account, claimed_by=worker)
        assert recovery.free_forgotten(worker) == 1
        row.refresh_from_db()
        assert (row.status, row.claimed_by) == (Status.RUNNING, "")

    def test_an_image_is_due_again_at_once(self, alice, worker):
        run = make_run(alice, open=1)
        delivery = Delivery.objects.create(
            generation=make_generation(run, Status.STORING), index=0, claimed_by=worker
        )
        assert recovery.free_forgotten(worker) == 1
        assert list(delivering.to_fetch()) == [delivery]

    def test_what_is_in_hand_is_left_alone(self, alice, apixo_key, worker):
        ask(alice, APIXO, 1)
        with in_hand.shift():
            dispatch.claim_next(worker)
            assert recovery.free_forgotten(worker) == 0
        assert claims_of(worker).count() == 1

    def test_what_another_worker_has_claimed_is_left_alone(self, alice, apixo_key, worker):
        ask(alice, APIXO, 1)
        dispatch.claim_next("elsewhere:2:alive")
        assert recovery.free_forgotten(worker) == 0

    def test_a_claim_whose_commit_raises_is_not_stuck(self, alice, apixo_key, worker, monkeypatch):
        """A hook or a dead connection raises after the claim has committed."""

        def claimed_and_lost(account, name):
            claim(account, name)
            raise OperationalError("server closed the connection unexpectedly")

        claim = dispatch._claim
        ask(alice, APIXO, 1)
        monkeypatch.setattr(dispatch, "_claim", claimed_and_lost)
        with pytest.raises(OperationalError), in_hand.shift():
            submitting.submit_next(worker)
        assert claims_of(worker).count() == 1
        recovery.free_forgotten(worker)
        assert Generation.objects.get().status == Status.QUEUED


def test_a_bad_row_does_not_delay_the_recovery_of_others(alice, apixo_key, monkeypatch):
    ask(alice, APIXO, 1)
    ask(alice, APIXO, 1)
    first = dispatch.claim_next("gone")
    dispatch.claim_next("gone")
    recover_submit = claims._recover_submit

    def fail_for_the_first(row):
        if row.pk == first.pk:
            raise LookupError
        return recover_submit(row)

    monkeypatch.setattr(claims, "_recover_submit", fail_for_the_first)
    recovery.recover()
    assert sorted(Generation.objects.values_list("status", flat=True)) == [
        Status.QUEUED,
        Status.SUBMITTING,
    ]


class TestAnswersOfPolls:
    @pytest.fixture
    def leased(self, alice, apixo):
        account = ProviderAccount.objects.create(
            provider="apixo", slot=1, key_fingerprint="f", concurrency=9, per_minute=9
        )
        run = make_run(alice, engine=APIXO, wanted=3, open=3)
        rows = [
            make_generation(run, Status.RUNNING, account=account, claimed_by=WORKER)
            for _ in range(3)
        ]
        return list(Generation.objects.filter(pk__in=[row.pk for row in rows]))

    def test_one_that_cannot_be_written_delays_no_other(self, leased, monkeypatch):
        failed = polling.TaskFailed(code=polling.Code.PROVIDER_ERROR)
        move = polling.lifecycle.move

        def fail_for_the_first(generation, *args, **kwargs):
            if generation.pk == leased[0].pk:
                raise LookupError
            return move(generation, *args, **kwargs)

        monkeypatch.setattr(polling.lifecycle, "move", fail_for_the_first)
        kept = polling.write_down([polling.Asked(row, failed) for row in leased])
        assert kept == []
        assert Generation.objects.filter(status=Status.FAILED).count() == 2

    def test_what_the_database_did_not_take_is_written_at_the_next_tick(self, leased, monkeypatch):
        failed = polling.TaskFailed(code=polling.Code.PROVIDER_ERROR)
        move = polling.lifecycle.move
        outage = [OperationalError("gone")] * 2

        def move_after_the_outage(*args, **kwargs):
            if outage:
                raise outage.pop()
            return move(*args, **kwargs)

        monkeypatch.setattr(polling.lifecycle, "move", move_after_the_outage)
        poller = polling.Poller(WORKER)
        poller.answered = [polling.Asked(row, failed) for row in leased]
        poller.tick(0, takes_more=False)
        assert Generation.objects.filter(status=Status.FAILED).count() == 1
        poller.tick(0, takes_more=False)
        poller.close()
        assert Generation.objects.filter(status=Status.FAILED).count() == 3


class TestSilenceAfterAnOutage:
    """No worker could beat while the database was away, so silence means nothing."""

    @pytest.fixture
    def clock(self, monkeypatch):
        seconds = [1000.0]
        monkeypatch.setattr(worker_process.time, "monotonic", lambda: seconds[0])
        return seconds

    def test_other_workers_get_time_to_beat_again(self, clock, alice, apixo_key):
        process = WorkerProcess(["provider"])
        process._beat()
        ask(alice, APIXO, 1)
        dispatch.claim_next(WORKER)
        heartbeat.beat(WORKER, "provider")
        Worker.objects.filter(pk=WORKER).update(seen_at="2020-01-01T00:00Z")
        clock[0] += 60
        process._beat()
        process.recover()
        assert claims_of(WORKER).exists()
        clock[0] += 16
        process.recover()
        assert not claims_of(WORKER).exists()
