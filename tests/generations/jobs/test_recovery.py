"""Recovery: every abandoned row continues or is settled, exactly once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import ledger
from generations import storage
from generations.jobs import dispatch, heartbeat, recovery
from generations.jobs.execution import arriving, delivering
from generations.models import Delivery, Generation, Run, Worker
from generations.providers.types import ImageError, InlineImage, RemoteImage, Result
from generations.states import RunStatus, Status
from tests.generations.asking import APIXO, ask

DEAD = "elsewhere:1:dead"


@pytest.fixture
def claimed(alice, apixo_key):
    """A generation of an engine without idempotency key, claimed by a worker that is gone."""

    def claimed(**columns):
        ask(alice, APIXO, 2)
        generation = dispatch.claim_next(DEAD)
        Generation.objects.filter(pk=generation.pk).update(**columns)
        generation.refresh_from_db()
        return generation

    return claimed


def status_of(generation):
    return Generation.objects.get(pk=generation.pk).status


def result(*images):
    return Result(images=images, model="m")


@pytest.mark.django_db
class TestSubmitsOfADeadWorker:
    def test_not_sent_goes_back_into_line(self, claimed):
        generation = claimed(submitted_at=None)
        recovery.recover()
        assert status_of(generation) == Status.QUEUED

    def test_sent_without_a_key_is_unknown_and_keeps_its_credits(self, claimed, alice):
        generation = claimed(submitted_at=timezone.now())
        recovery.recover()
        assert status_of(generation) == Status.UNKNOWN
        assert ledger.balance(alice).reserved == generation.reserved_credits
        assert Run.objects.get().status == RunStatus.UNKNOWN

    def test_sent_with_a_key_goes_back_with_the_same_key_and_body(self, claimed):
        generation = claimed(submitted_at=timezone.now(), idempotency_key="k", body=b"{}")
        recovery.recover()
        row = Generation.objects.get(pk=generation.pk)
        assert (row.status, row.idempotency_key, bytes(row.body)) == (Status.QUEUED, "k", b"{}")

    def test_an_answer_that_was_kept_is_used(self, claimed):
        generation = claimed(submitted_at=timezone.now())
        name = storage.original_name(generation.uuid, attempt=1, index=0)
        storage.save_original(name, b"picture")
        recovery.recover()
        assert status_of(generation) == Status.STORING
        assert generation.deliveries.get().status == Delivery.Status.FETCHED

    def test_a_worker_that_is_alive_is_left_alone(self, claimed):
        generation = claimed(submitted_at=timezone.now())
        heartbeat.beat(DEAD, "provider")
        recovery.recover()
        assert status_of(generation) == Status.SUBMITTING

    def test_so_is_a_worker_of_an_older_version(self, claimed):
        """It runs on during an upgrade and writes to the table as the older version names it."""
        generation = claimed(submitted_at=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO accounts_worker (id, queues, started_at, seen_at) "
                "VALUES (%s, 'provider', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)",
                [DEAD],
            )
        recovery.recover()
        assert status_of(generation) == Status.SUBMITTING


@pytest.mark.django_db
class TestDeliveriesOfADeadWorker:
    @pytest.fixture
    def storing(self, claimed):
        generation = claimed(submitted_at=timezone.now())
        images = RemoteImage("https://example.com/1.png"), InlineImage(b"picture")
        assert arriving.accept(generation, result(*images))
        return generation

    def test_claims_are_set_free_and_due_at_once(self, storing):
        Delivery.objects.update(claimed_by=DEAD, next_action_at=None)
        recovery.recover()
        first, second = storing.deliveries.all()
        assert list(delivering.to_fetch()) == [first]
        assert list(delivering.to_label()) == [second]

    def test_a_generation_whose_images_are_all_decided_is_ended(self, storing):
        Delivery.objects.update(status=Delivery.Status.FAILED, error_code="image_unreachable")
        recovery.recover()
        row = Generation.objects.get(pk=storing.pk)
        assert (row.status, row.error_code) == (Status.FAILED, "image_unreachable")
        assert ledger.reconcile() == []


@pytest.mark.django_db
class TestOthers:
    def test_queued_work_of_inactive_people_is_cancelled_and_costs_nothing(self, alice):
        run = ask(alice, num_images=2)
        alice.is_active = False
        alice.save()
        recovery.recover()
        run.refresh_from_db()
        assert run.status == RunStatus.CANCELLED
        assert ledger.balance(alice).reserved == 0

    def test_work_for_an_engine_without_a_key_fails_after_a_while(self, alice, apixo_key, settings):
        run = ask(alice, APIXO, 1)
        settings.PROVIDERS = {}
        recovery.recover()
        run.refresh_from_db()
        assert run.status == RunStatus.PENDING
        long_ago = timezone.now() - timedelta(seconds=settings.PROVIDER_RETRY_SECONDS + 1)
        Generation.objects.update(created_at=long_ago)
        recovery.recover()
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED
        assert run.generations.get().error_code == "engine_missing"

    def test_a_task_long_past_its_deadline_without_a_poller_is_unknown(self, claimed):
        overdue = timezone.now() - timedelta(minutes=5)
        generation = claimed(status=Status.RUNNING, task_id="t", deadline_at=overdue)
        recovery.recover()
        assert status_of(generation) == Status.UNKNOWN

    def test_a_second_round_finds_nothing_more_to_do(self, claimed):
        claimed(submitted_at=timezone.now())
        recovery.recover()
        assert not any(recovery.recover().values())


@pytest.mark.django_db
class TestArriving:
    def test_an_image_that_the_provider_refused_does_not_affect_the_others(self, claimed):
        generation = claimed(submitted_at=timezone.now())
        refused = ImageError(code="content_policy")
        arriving.accept(generation, result(InlineImage(b"picture"), refused))
        stored, failed = generation.deliveries.all()
        assert (stored.status, failed.status) == ("fetched", "failed")
        assert status_of(generation) == Status.STORING

    def test_a_late_second_answer_changes_nothing(self, claimed):
        generation = claimed(submitted_at=timezone.now())
        stale = Generation.objects.get(pk=generation.pk)
        assert arriving.accept(generation, result(InlineImage(b"one")))
        assert not arriving.accept(stale, result(InlineImage(b"two"), InlineImage(b"three")))
        assert generation.deliveries.count() == 1


@pytest.mark.django_db
class TestHeartbeat:
    def test_a_worker_whose_process_is_gone_is_deleted_at_once(self):
        name = heartbeat.worker_name()
        machine, _pid, _started, _token = name.split(":")
        gone = f"{machine}:999999999:77:x"
        heartbeat.beat(name, "provider")
        heartbeat.beat(gone, "provider")
        assert heartbeat.delete_dead() == 1
        assert [worker.pk for worker in heartbeat.alive()] == [name]

    def test_another_process_with_the_same_id_does_not_count_as_the_worker(self):
        machine, pid, started, token = heartbeat.worker_name().split(":")
        heartbeat.beat(f"{machine}:{pid}:{int(started) - 1}:{token}", "provider")
        assert heartbeat.delete_dead() == 1

    def test_a_machine_with_the_same_host_name_is_another_one(self):
        """Every machine numbers its first process id namespace alike; host names are copied."""
        _machine, _pid, started, token = heartbeat.worker_name().split(":")
        other_boot = "0f9a2b1c0000"
        heartbeat.beat(f"{other_boot}:999999999:{started}:{token}", "provider")
        assert heartbeat.delete_dead() == 0

    def test_right_after_an_outage_silence_is_not_believed(self):
        heartbeat.beat(DEAD, "provider")
        Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
        assert heartbeat.delete_dead(believe_silence=False) == 0
        assert heartbeat.delete_dead() == 1

    def test_a_worker_elsewhere_is_deleted_after_30_seconds_of_silence(self):
        heartbeat.beat(DEAD, "provider")
        assert heartbeat.delete_dead() == 0
        Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=31))
        assert heartbeat.delete_dead() == 1


class TestLostKeys:
    """Work that only one key may send again, which the settings no longer have."""

    @pytest.fixture
    def bound(self, alice, settings):
        keys = {1: "one", 2: "two"}
        settings.PROVIDERS = {"apiframe": {"base_url": "https://api.apiframe.ai", "keys": keys}}
        generation = ask(alice, "apiframe/seedream-4-5", 1).generations.get()
        _first, second = [row for row in dispatch.accounts_here() if row.provider == "apiframe"]
        long_ago = timezone.now() - timedelta(hours=1)
        Generation.objects.update(
            account=second,
            idempotency_key="k",
            body=b"{}",
            created_at=long_ago,
            retrying_since=long_ago,
        )
        del keys[2]
        return generation

    def test_what_was_never_accepted_goes_to_another_key(self, bound):
        recovery.recover()
        claimed = dispatch.claim_next("worker")
        assert (claimed, claimed.account.slot, claimed.idempotency_key) == (bound, 1, "")

    def test_what_was_sent_lately_is_left_to_a_process_that_may_have_the_key(self, bound):
        """However long it has waited in line: only the time since its first failure counts."""
        Generation.objects.update(error_code="outcome_unknown", retrying_since=timezone.now())
        recovery.recover()
        bound.refresh_from_db()
        assert (bound.status, bound.idempotency_key) == (Status.QUEUED, "k")

    def test_what_may_have_been_accepted_is_for_a_person_to_decide(self, bound, alice):
        Generation.objects.update(error_code="outcome_unknown")
        recovery.recover()
        bound.refresh_from_db()
        assert bound.status == Status.UNKNOWN
        assert ledger.balance(alice).reserved == bound.reserved_credits


class TestAnswersThatBrokeOff:
    """Images that were accepted before their answer broke off."""

    IMAGE = RemoteImage(url="https://cdn.example/1.jpg")

    @pytest.fixture
    def streaming(self, claimed):
        generation = claimed(submitted_at=timezone.now())
        arriving.take_early(generation, 0, self.IMAGE)
        return generation

    def test_keep_what_arrived_and_say_what_did_not(self, streaming):
        recovery.recover()
        streaming.refresh_from_db()
        assert streaming.status == Status.STORING
        first, second = streaming.deliveries.order_by("index")
        assert (first.status, first.url) == (Delivery.Status.PENDING, self.IMAGE.url)
        assert (second.status, second.error_code) == (Delivery.Status.FAILED, "outcome_unknown")

    def test_an_image_sent_twice_is_delivered_once(self, streaming):
        arriving.take_early(streaming, 0, self.IMAGE)
        whole = Result(images=(self.IMAGE, ImageError(code="content_policy")))
        assert arriving.accept(streaming, whole)
        assert streaming.deliveries.count() == 2

    def test_nothing_is_accepted_for_a_row_that_has_moved_on(self, streaming):
        Generation.objects.update(status=Status.UNKNOWN)
        arriving.take_early(streaming, 1, self.IMAGE)
        assert streaming.deliveries.count() == 1

    def test_trouble_with_one_image_does_not_break_off_the_answer(self, streaming, monkeypatch):
        def refuse(*_given):
            raise OSError("disk full")

        monkeypatch.setattr(storage, "save_original", refuse)
        arriving.take_early(streaming, 1, InlineImage(b"bytes"))
        assert streaming.deliveries.count() == 1
