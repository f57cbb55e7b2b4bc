"""The watch: what it tells, when it tells it, and what it ends."""

import shutil
import threading
from collections import namedtuple
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import append_only, audit, ledger, pulses
from accounts import tasks as accounts_tasks
from accounts.events import Event
from accounts.models import (
    Checkpoint,
    Notice,
    PlannedQuota,
    Pulse,
    Record,
    TopUp,
    Unsealed,
    Verification,
    Witness,
)
from accounts.notices import notices_for
from generations.jobs import dispatch, heartbeat
from generations.models import Delivery, Generation, Proof, ProviderAccount, Worker
from generations.queues import QUEUES
from generations.readiness import backlog, watch
from generations.readiness.watch import Watch
from generations.states import Status
from tests.generations.factories import make_generation, make_run
from tests.queries import queries_of

Usage = namedtuple("Usage", "total used free")
GB = 10**9
LONG_AGO = timedelta(hours=2)


def make_worker(queues, name="host:1:x"):
    return Worker.objects.create(pk=name, queues=queues, seen_at=Now(), turned_at=Now())


@pytest.fixture
def well(db):
    """A studio in which everything works, except what a test breaks."""
    make_worker("images,provider")
    pulses.note(pulses.BEAT)


@pytest.fixture
def eye():
    return Watch()


def open_kinds():
    return sorted(Notice.objects.filter(ended_at__isnull=True).values_list("kind", flat=True))


def told_by(eye):
    """The kinds of notice told after two looks, a minute apart."""
    eye.look_at(0)
    eye.look_at(60)
    return open_kinds()


def make_waiting(user, **values):
    """A request that was made two hours ago and is still in line."""
    generation = make_generation(make_run(user), **values)
    Generation.objects.filter(pk=generation.pk).update(created_at=timezone.now() - LONG_AGO)
    return generation


def make_late_delivery(user, status):
    generation = make_generation(make_run(user), Status.STORING)
    due = timezone.now() - LONG_AGO
    return Delivery.objects.create(
        generation=generation, index=0, status=status, next_action_at=due
    )


def test_a_studio_that_is_well_is_told_of_nothing(well, eye, alice):
    make_generation(make_run(alice))
    assert told_by(eye) == []


class TestSeal:
    @pytest.fixture
    def record(self, alice):
        with transaction.atomic():
            return audit.record(Event.USER_CHANGED, actor=alice, subject=alice)

    def test_a_record_that_waits_for_five_minutes_is_told_with_the_reason(
        self, well, eye, record, settings, tmp_path
    ):
        settings.DATA_DIR = tmp_path
        (tmp_path / "keys").write_text("in the way")
        accounts_tasks.seal()
        assert told_by(eye) == []
        Unsealed.objects.update(since=timezone.now() - timedelta(minutes=6))
        assert told_by(eye) == ["log:unsealed"]
        assert "can't be written" in notices_for(record.actor)[0].to_do
        (tmp_path / "keys").unlink()
        accounts_tasks.seal()
        assert told_by(eye) == []

    @pytest.mark.parametrize("name", ["file", "bucket"])
    def test_a_checkpoint_that_is_not_copied_is_told(self, well, eye, settings, name):
        if name == "bucket":
            settings.STORAGES = {**settings.STORAGES, "checkpoints": {}}
        first = timezone.now() - timedelta(minutes=16)
        fields = {"root": bytes(32), "key_id": "", "note": ""}
        Checkpoint.objects.create(size=1, at=first, **fields)
        last = Checkpoint.objects.create(size=2, at=timezone.now(), **fields)
        Verification.objects.create(name=Verification.NEW, size=2)
        for each in ("file", "bucket"):
            Witness.objects.create(name=each, checkpoint=last.pk)
        assert told_by(eye) == []
        Witness.objects.filter(pk=name).update(checkpoint=0, trouble="file_unwritable")
        assert told_by(eye) == [f"log:{name}_late"]
        Witness.objects.update(checkpoint=last.pk)
        assert told_by(eye) == []

    def test_what_the_verification_finds_is_told(self, well, eye, record, settings, tmp_path):
        settings.DATA_DIR = tmp_path
        accounts_tasks.seal()
        accounts_tasks.verify()
        assert told_by(eye) == []
        connection.check_constraints()
        with append_only.lifted(connection):
            Record.objects.filter(pk=record.pk).update(subject_kind="x")
        Verification.objects.all().delete()
        accounts_tasks.verify()
        assert told_by(eye) == ["log:changed"]
        assert "Record 0: its text" in notices_for(record.actor)[0].to_do

    def test_a_verification_that_stands_still_is_told(self, well, eye, record, settings, tmp_path):
        settings.DATA_DIR = tmp_path
        accounts_tasks.seal()
        connection.check_constraints()
        with append_only.lifted(connection):
            Checkpoint.objects.update(at=timezone.now() - timedelta(minutes=16))
        assert told_by(eye) == ["log:unverified"]
        accounts_tasks.verify()
        assert told_by(eye) == []


class TestCredits:
    def test_a_top_up_that_is_not_ended_is_told_until_it_is(self, well, eye, alice):
        ledger.top_up(alice, 5, actor=None, reason="spring", ends_on=timezone.now().date())
        assert told_by(eye) == []
        TopUp.objects.update(ends_at=timezone.now() - LONG_AGO)
        assert told_by(eye) == ["quotas:late"]
        accounts_tasks.end_top_ups()
        assert told_by(eye) == []

    def test_a_planned_quota_that_does_not_begin_is_told_until_it_does(self, well, eye, alice):
        month = timezone.now().date().replace(day=1)
        planned = PlannedQuota.objects.create(
            kind="own", user=alice, month=ledger.next_month(month), credits=5
        )
        assert told_by(eye) == []
        PlannedQuota.objects.filter(pk=planned.pk).update(month=month - timedelta(days=31))
        assert told_by(eye) == ["quotas:late"]
        accounts_tasks.start_planned_quotas()
        assert told_by(eye) == []

    def test_a_proof_that_does_not_end_is_told_until_one_does(self, well, eye):
        proof = Proof.objects.create(began_at=timezone.now())
        assert told_by(eye) == []
        Proof.objects.update(began_at=timezone.now() - timedelta(days=4))
        assert told_by(eye) == ["credits:proof_late"]
        Proof.objects.filter(pk=proof.pk).update(ended_at=timezone.now())
        assert told_by(eye) == []


class TestWorkersAndBeat:
    def test_no_worker_is_told_after_a_minute_by_queue_and_ends_with_the_first(self, db, eye):
        for moment in (0, 20, 40, 59):
            eye.look_at(moment)
        assert open_kinds() == []
        eye.look_at(60)
        assert open_kinds() == ["workers:images_silent", "workers:provider_silent"]
        make_worker("images")
        eye.look_at(61)
        assert open_kinds() == ["workers:provider_silent"]

    def test_a_worker_that_starts_again_in_time_is_not_told(self, db, eye):
        eye.look_at(0)
        worker = make_worker("images,provider")
        pulses.note(pulses.BEAT)
        eye.look_at(50)
        worker.delete()
        eye.look_at(70)
        eye.look_at(90)
        assert open_kinds() == []

    def test_a_worker_that_ended_a_minute_ago_is_told_though_its_row_is_gone(self, db, eye):
        for queue in QUEUES:
            heartbeat.note_at_work(queue)
        eye.look_at(0)
        Pulse.objects.update(seen_at=Now() - timedelta(seconds=61))
        eye.look_at(1)
        assert open_kinds() == ["workers:images_silent", "workers:provider_silent"]

    def test_a_worker_whose_loops_have_stood_still_for_a_minute_does_not_count(self, well, eye):
        a_minute_ago = Now() - timedelta(seconds=61)
        Worker.objects.update(turned_at=a_minute_ago)
        for queue in QUEUES:
            Pulse.objects.create(pk=f"workers:{queue}", seen_at=a_minute_ago)
        eye.look_at(0)
        assert open_kinds() == []
        eye.look_at(1)
        assert open_kinds() == ["workers:images_silent", "workers:provider_silent"]

    def test_beat_is_silent_and_is_heard_again(self, well, eye):
        Pulse.objects.update(seen_at=Now() - timedelta(minutes=2))
        assert told_by(eye) == ["beat:silent"]
        pulses.note(pulses.BEAT)
        assert told_by(eye) == []

    def test_what_a_silent_worker_leaves_undone_is_not_told_beside_it(self, eye, alice):
        make_waiting(alice)
        make_late_delivery(alice, Delivery.Status.PENDING)
        assert told_by(eye) == ["workers:images_silent", "workers:provider_silent"]


class TestWork:
    @pytest.fixture
    def account(self, well):
        [account] = dispatch.accounts_here()
        return account

    def test_a_request_waits_although_its_key_is_free(self, account, eye, alice):
        generation = make_waiting(alice)
        assert told_by(eye) == ["work:unsent"]
        Generation.objects.filter(pk=generation.pk).update(status=Status.CANCELLED)
        assert told_by(eye) == []

    def test_a_line_that_moves_is_not_told(self, account, eye, alice):
        make_waiting(alice)
        now = timezone.now()
        make_generation(make_run(alice), Status.RUNNING, account=account, submitted_at=now)
        assert told_by(eye) == []

    @pytest.mark.parametrize(
        "values",
        [
            {"paused_until": timezone.now() + timedelta(days=1)},
            {"concurrency": 0},
        ],
        ids=["resting", "full"],
    )
    def test_a_key_that_may_send_nothing_is_not_told(self, account, eye, alice, values):
        make_waiting(alice)
        ProviderAccount.objects.update(**values)
        assert told_by(eye) == []

    @pytest.mark.parametrize(
        "values",
        [
            {"next_action_at": timezone.now() + timedelta(days=1)},
            {"idempotency_key": "sent with another account's key"},
        ],
        ids=["due later", "bound to another key"],
    )
    def test_what_the_key_may_not_send_now_is_not_told(self, account, eye, alice, values):
        make_waiting(alice, **values)
        assert told_by(eye) == []

    def test_a_poll_that_is_long_overdue(self, account, eye, alice):
        due = timezone.now() - timedelta(minutes=3)
        now = timezone.now()
        values = {"account": account, "submitted_at": now, "next_action_at": due}
        make_generation(make_run(alice), Status.RUNNING, **values)
        assert told_by(eye) == ["work:unpolled"]

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (Delivery.Status.PENDING, "work:unfetched"),
            (Delivery.Status.FETCHED, "work:unlabelled"),
        ],
    )
    def test_an_image_that_nobody_claims(self, account, eye, alice, status, kind):
        delivery = make_late_delivery(alice, status)
        assert told_by(eye) == [kind]
        Delivery.objects.filter(pk=delivery.pk).update(claimed_by="worker")
        assert told_by(eye) == []

    def test_an_outcome_is_unknown_for_an_hour(self, account, eye, alice):
        now = timezone.now()
        generation = make_generation(make_run(alice), Status.UNKNOWN, unknown_at=now)
        assert told_by(eye) == []
        Generation.objects.update(unknown_at=now - timedelta(minutes=61))
        make_generation(make_run(alice), Status.UNKNOWN, unknown_at=now - LONG_AGO)
        assert told_by(eye) == ["outcome:unknown"]
        assert "Demo" in Notice.objects.get().facts["provider"]
        Generation.objects.exclude(pk=generation.pk).update(status=Status.RUNNING, task_id="1")
        assert told_by(eye) == ["outcome:unknown"]


class TestDisks:
    def test_nearly_full_and_not_any_more(self, well, eye, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * GB, 96 * GB, 4 * GB))
        assert told_by(eye) == ["disk:nearly_full"]
        assert Notice.objects.get().facts["free"] == "4.0"
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * GB, 10 * GB, 90 * GB))
        assert told_by(eye) == []

    def test_of_a_machine_that_is_gone_ends_when_nobody_has_seen_it_for_long(self, well, eye):
        long_ago = timezone.now() - LONG_AGO
        values = {"cause": "gone data", "raised_at": long_ago, "seen_at": long_ago}
        Notice.objects.create(kind="disk:nearly_full", **values)
        assert told_by(eye) == []


class TestLooks:
    def test_a_process_that_has_just_started_does_not_look_yet(self, db, eye):
        for _ in range(3):
            eye.look()
        assert not eye._suspected

    def test_looks_are_spaced_whoever_asks_for_them(self, well, eye, monkeypatch):
        looks = []
        monkeypatch.setattr(eye, "_next_look", 0)
        monkeypatch.setattr(eye, "look_at", looks.append)
        for _ in range(3):
            eye.look()
        assert len(looks) == 1

    @pytest.mark.parametrize("error", [DatabaseError("host=db.internal"), ValueError("odd")])
    def test_an_error_is_logged_and_the_next_look_comes(self, eye, monkeypatch, caplog, error):
        def fail(moment):
            raise error

        monkeypatch.setattr(eye, "look_at", fail)
        for _ in range(2):
            monkeypatch.setattr(eye, "_next_look", 0)
            eye.look()
        assert len(caplog.records) == 2
        assert "db.internal" not in caplog.text

    def test_the_thread_of_a_web_process_looks_and_goes_on_after_an_error(self, monkeypatch):
        errors = iter([RuntimeError])
        looked = threading.Event()

        def look():
            if error := next(errors, None):
                raise error
            looked.set()

        monkeypatch.setattr(watch, "LOOK_SECONDS", 0)
        monkeypatch.setattr(watch, "look", look)
        stop = watch.start()
        assert looked.wait(30)
        stop.set()

    def test_the_cost_does_not_grow_with_the_backlog(self, well, eye, alice):
        figures = []
        for count in (1, 20):
            for _ in range(count):
                make_waiting(alice)
                make_late_delivery(alice, Delivery.Status.FETCHED)
            told_by(eye)
            figures.append(queries_of(lambda: eye.look_at(90)))
        assert figures[0] == figures[1] < 50


@pytest.mark.django_db(transaction=True)
def test_processes_that_look_at_the_same_moment_tell_once():
    start = threading.Barrier(3)

    def process():
        eye = Watch()
        try:
            eye.look_at(0)
            start.wait()
            eye.look_at(60)
        finally:
            connection.close()

    threads = [threading.Thread(target=process) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert open_kinds() == ["workers:images_silent", "workers:provider_silent"]
    assert Notice.objects.count() == 2


def test_how_much_waits_at_each_step_and_since_when(well, alice):
    make_waiting(alice)
    make_late_delivery(alice, Delivery.Status.PENDING)
    steps = {each.step: each for each in backlog.waiting()}
    assert {step: each.count for step, each in steps.items()} == {
        "queued": 1,
        "submitting": 0,
        "running": 0,
        "fetch": 1,
        "label": 0,
        "export": 0,
        "unknown": 0,
    }
    assert steps["queued"].since < timezone.now() - timedelta(hours=1)
    assert steps["label"].since is None
