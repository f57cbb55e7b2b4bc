"""Webhook calls: never believed, stored once, confirmed by a read."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import ledger
from generations.jobs import webhooks
from generations.jobs.execution import adopting, requests
from generations.jobs.worker import work_here
from generations.models import Generation, ProviderAccount, WebhookEvent
from generations.states import RunStatus, Status
from tests.emulator import troubles
from tests.generations.asking import APIXO, ask

pytestmark = pytest.mark.django_db(transaction=True)

PUBLIC_URL = "https://studio.example.com"


@pytest.fixture
def public(settings):
    settings.PUBLIC_URL = PUBLIC_URL
    settings.SERVED_OVER_HTTPS = True


@pytest.fixture
def tell(client):
    """Call the webhook of a generation as APIXO does."""

    def tell(generation, task_id="a-task", state="success", *, path="", body=None):
        path = path or requests.webhook_url(generation).removeprefix(PUBLIC_URL)
        told = {"code": 200, "data": {"taskId": task_id, "state": state}}
        content = json.dumps(told) if body is None else body
        return client.post(path, content, "application/json", secure=True).status_code

    return tell


def set_row(generation, **values):
    Generation.objects.filter(pk=generation.pk).update(**values)
    generation.refresh_from_db()


def work(run):
    work_here(lambda: not type(run).objects.filter(pk=run.pk, status="pending").exists())
    run.refresh_from_db()
    assert ledger.reconcile() == []
    return run


class TestReceiving:
    @pytest.fixture
    def running(self, alice, apixo_key, public):
        account = ProviderAccount.objects.create(
            provider="apixo", slot=1, key_fingerprint="f", concurrency=9, per_minute=9
        )
        generation = ask(alice, APIXO, 1).generations.get()
        later = timezone.now() + timedelta(hours=1)
        set_row(
            generation, status=Status.RUNNING, account=account, task_id="t", next_action_at=later
        )
        return generation

    def refused(self):
        return webhooks.refused_lately(ProviderAccount.objects.get().pk)

    def test_a_call_changes_no_status_and_makes_a_poll_due_at_once(self, running, tell):
        assert tell(running, "someone-elses") == 200
        running.refresh_from_db()
        assert (running.status, running.task_id) == (Status.RUNNING, "t")
        assert running.next_action_at <= timezone.now()

    def test_the_same_call_twenty_times_is_stored_once_and_confirmed_once(self, running, tell):
        assert {tell(running) for _ in range(20)} == {200}
        later = timezone.now() + timedelta(hours=1)
        set_row(running, next_action_at=later)
        assert tell(running) == 200
        running.refresh_from_db()
        assert running.next_action_at == later
        assert WebhookEvent.objects.count() == 1

    @pytest.mark.parametrize("body", ["", "no json", "null", "{}", '{"data": {"taskId": 7}}'])
    def test_a_call_without_a_task_is_refused_and_counted(self, running, tell, body):
        assert tell(running, body=body) == 403
        assert self.refused() == 1
        assert not WebhookEvent.objects.exists()

    @pytest.mark.parametrize("path", ["/hooks/apixo/x:y/", "/hooks/%00/x/", "/hooks/apixo/%00/"])
    def test_an_unknown_address_is_not_found_and_costs_no_query(
        self, running, client, path, django_assert_num_queries
    ):
        with django_assert_num_queries(0):
            assert client.post(path, "{}", "application/json", secure=True).status_code == 404

    def test_refused_calls_leave_the_row_alone_that_submits_wait_for(self, running, tell):
        with CaptureQueriesContext(connection) as queries:
            assert {tell(running, body="no json") for _ in range(3)} == {403}
        assert self.refused() == 3
        changed = 'UPDATE "generations_provideraccount"'
        assert not [each for each in queries if each["sql"].startswith(changed)]

    def test_an_address_is_good_for_its_own_provider_only(self, running, tell):
        path = requests.webhook_url(running).removeprefix(PUBLIC_URL)
        assert tell(running, path=path.replace("/apixo/", "/fal/")) == 404
        running.refresh_from_db()
        assert running.next_action_at > timezone.now()

    def test_a_huge_call_is_refused(self, running, tell, settings):
        assert tell(running, body="x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)) == 413
        assert not WebhookEvent.objects.exists()

    def test_what_comes_after_the_end_changes_nothing(self, running, tell):
        set_row(running, status=Status.FAILED, ended_at=timezone.now())
        assert tell(running) == 200
        assert WebhookEvent.objects.get().next_action_at is None
        assert Generation.objects.get().status == Status.FAILED

    def test_a_get_request_is_refused(self, running, client):
        path = requests.webhook_url(running).removeprefix(PUBLIC_URL)
        assert client.get(path, secure=True).status_code == 405

    def test_no_webhook_is_asked_for_without_a_public_address(self, running, settings):
        settings.SERVED_OVER_HTTPS = False
        assert requests.webhook_url(running) == ""

    def test_old_calls_are_forgotten_once_their_generation_has_ended(self, running, tell):
        tell(running)
        long_ago = timezone.now() - timedelta(days=31)
        WebhookEvent.objects.update(received_at=long_ago)
        assert webhooks.prune() == 0
        set_row(running, status=Status.FAILED, ended_at=timezone.now())
        assert webhooks.prune() == 1


class TestLostAnswers:
    @pytest.fixture
    def lost(self, alice, apixo, public):
        """A generation whose answer was lost after the provider accepted it."""
        apixo.script("apixo", "submit", troubles.lost_answer())
        run = work(ask(alice, APIXO, 2))
        assert run.status == RunStatus.UNKNOWN
        return run.generations.select_related("run", "price", "account").get()

    def adopted(self):
        return adopting.adopt_from(WebhookEvent.objects.latest("pk").pk)

    def test_a_webhook_settles_it(self, lost, apixo, tell):
        [task_id] = apixo.tasks
        assert tell(lost, task_id) == 200
        assert self.adopted()
        assert work(lost.run).status == RunStatus.SUCCEEDED
        assert len(apixo.submits("apixo")) == 1
        assert lost.run.images.count() == 2

    def test_workers_find_calls_whose_hint_was_lost(self, lost, apixo, tell):
        [task_id] = apixo.tasks
        tell(lost, task_id)
        assert list(adopting.to_adopt()) == [WebhookEvent.objects.get()]

    def test_a_task_that_the_key_cannot_read_is_not_adopted(self, lost, tell):
        tell(lost, "task_of_nobody")
        assert not self.adopted()
        assert WebhookEvent.objects.get().next_action_at is None
        assert Generation.objects.get().status == Status.UNKNOWN

    def test_a_task_of_another_generation_is_not_adopted(self, lost, alice, apixo, tell):
        other = work(ask(alice, APIXO, 1)).generations.get()
        tell(lost, other.task_id)
        assert not self.adopted()
        lost.refresh_from_db()
        assert (lost.status, lost.task_id) == (Status.UNKNOWN, "")

    def test_a_task_of_which_no_key_is_known_is_not_adopted(self, lost, apixo, tell):
        tell(lost)
        set_row(lost, account=None)
        event = WebhookEvent.objects.get()
        assert not adopting.adopt_from(event.pk)
        event.refresh_from_db()
        assert event.next_action_at is None
        assert apixo.polls("apixo") == []

    def test_one_whose_end_has_come_is_not_asked_about_again(self, lost, tell):
        tell(lost)
        set_row(lost, status=Status.FAILED, ended_at=timezone.now(), may_arrive_until=None)
        assert not self.adopted()
        assert WebhookEvent.objects.get().next_action_at is None

    def test_of_two_workers_one_asks(self, lost, tell):
        tell(lost)
        event = WebhookEvent.objects.get()
        WebhookEvent.objects.update(next_action_at=timezone.now() + adopting.LEASE)
        assert not adopting.adopt_from(event.pk)
        lost.refresh_from_db()
        assert lost.status == Status.UNKNOWN

    def test_a_provider_that_cannot_be_asked_is_asked_later(self, lost, apixo, tell):
        [task_id] = apixo.tasks
        tell(lost, task_id)
        apixo.script("apixo", "status", troubles.status(503))
        before = timezone.now()
        assert not self.adopted()
        assert WebhookEvent.objects.get().next_action_at > before
        WebhookEvent.objects.update(next_action_at=timezone.now())
        assert self.adopted()

    def test_an_answer_that_may_still_come_has_priority(self, lost, apixo, tell):
        [task_id] = apixo.tasks
        set_row(lost, status=Status.SUBMITTING, claimed_by="worker")
        tell(lost, task_id)
        before = timezone.now()
        assert not self.adopted()
        assert WebhookEvent.objects.get().next_action_at > before

    def test_a_failed_task_returns_the_credits(self, alice, apixo, public, tell):
        apixo.script("apixo", "submit", {"drop": "answer", "fail": "Timeout"})
        run = work(ask(alice, APIXO, 2))
        tell(run.generations.get(), *apixo.tasks)
        assert self.adopted()
        assert work(run).status == RunStatus.FAILED
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total


class TestLateTasks:
    @pytest.fixture
    def late(self, alice, apixo, settings):
        """A task that had not ended at its deadline."""
        settings.PROVIDER_TIME_SCALE = 0.001
        apixo.seconds = 1000
        run = work(ask(alice, APIXO, 1))
        assert run.status == RunStatus.UNKNOWN
        generation = run.generations.get()
        set_row(generation, next_action_at=timezone.now())
        return generation

    def test_is_asked_about_again_and_settled_when_it_has_ended(self, late, apixo):
        apixo.finish_tasks()
        assert adopting.look_up(late.pk)
        assert work(late.run).status == RunStatus.SUCCEEDED

    def test_stays_unknown_while_it_is_in_progress(self, late):
        before = timezone.now()
        assert not adopting.look_up(late.pk)
        late.refresh_from_db()
        assert late.status == Status.UNKNOWN
        assert late.next_action_at > before


def test_the_provider_calls_the_studio_itself(alice, apixo, settings, live_server):
    """The answer is lost, a webhook arrives over HTTP, a read confirms it, the images arrive."""
    settings.PUBLIC_URL = live_server.url.replace("localhost", "127.0.0.1")
    settings.SERVED_OVER_HTTPS = True
    apixo.script("apixo", "submit", troubles.lost_answer())
    run = work(ask(alice, APIXO, 1))
    apixo.wait()
    assert apixo.webhooks
    event = WebhookEvent.objects.get()
    if event.next_action_at is None or event.next_action_at > timezone.now():
        WebhookEvent.objects.update(next_action_at=timezone.now())
    adopting.adopt_from(event.pk)  # unless the worker has done it before its end
    assert work(run).status == RunStatus.SUCCEEDED
