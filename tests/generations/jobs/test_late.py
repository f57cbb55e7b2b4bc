"""Images that arrive after the end: delivered for a day, never charged, always recorded."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone

from accounts import ledger
from accounts.events import Event
from accounts.models import Record
from generations import submission
from generations.jobs import decisions, dispatch, lifecycle, recovery, webhooks
from generations.jobs.execution import adopting, arriving, delivering, polling, submitting
from generations.models import Delivery, Generation, Run, WebhookEvent
from generations.providers.errors import (
    NotSent,
    OutcomeUnknown,
    ProviderFailed,
    TaskFailed,
    Unavailable,
)
from generations.providers.types import (
    Accepted,
    InlineImage,
    InProgress,
    Payload,
    Result,
    WebhookNews,
)
from generations.reading.feed import cards
from generations.states import RunStatus, Status
from tests.generations.asking import ask, submit_all
from tests.generations.factories import image_file
from tests.generations.stub import STUB, StubProvider, let_submit, set_up_stub

pytestmark = pytest.mark.django_db

IMAGES = Result(images=(InlineImage(image_file((600, 600))),), model="m")
TIMES = ("next_action_at", "submitted_at", "retrying_since", "deadline_at", "unknown_at")


@pytest.fixture
def engine(monkeypatch, settings):
    """`engine(*outcomes, **able)`: an engine that answers submits with `outcomes`."""
    settings.PUBLIC_URL, settings.SERVED_OVER_HTTPS = "https://studio.example.com", True

    def engine(*outcomes, **able):
        set_up_stub(monkeypatch, settings, **{"webhook": True} | able)
        return let_submit(monkeypatch, *outcomes)

    return engine


def let_poll(monkeypatch, *answers):
    left = list(answers)

    def poll(self, task):
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(StubProvider, "poll", poll)


def submitted(user):
    run = ask(user, STUB, 1)
    submit_all("worker")
    return run.generations.select_related("run", "price", "account").get()


def told(monkeypatch, generation, task_id="task"):
    """A webhook of the provider arrives; returns its event."""
    news = WebhookNews(task_id=task_id, event_id=f"{task_id} {timezone.now()}")
    monkeypatch.setattr(StubProvider, "read_webhook", lambda *_given, **_more: news)
    token = webhooks.requests.webhook_url(generation).rsplit("/", 2)[1]
    webhooks.receive("stub", token, webhooks.WebhookCall(b"{}", {}))
    return WebhookEvent.objects.latest("pk")


def later(**time):
    """Let time pass for every generation."""
    columns = (*TIMES, "may_arrive_until", "ended_at")
    Generation.objects.update(**{name: F(name) - timedelta(**time) for name in columns})


def poll(generation):
    generation = Generation.objects.select_related("run", "account", "price").get(pk=generation.pk)
    polling.write_down([polling.ask(generation)])


def label_all():
    for pk in Delivery.objects.filter(status="fetched").values_list("pk", flat=True):
        delivering.label_and_store(pk, "worker")


def stands(generation):
    generation.refresh_from_db()
    generation.run.refresh_from_db()
    assert ledger.reconcile() == []
    return generation.status


def balance(user):
    found = ledger.balance(user)
    return found.reserved, found.spent


class TestAnErrorOfTheProvidersOwn:
    def test_fails_without_a_key_returns_credits_and_may_be_tried_again(self, alice, engine):
        sent = engine(ProviderFailed(raw_code="internal"))
        generation = submitted(alice)
        assert stands(generation) == Status.FAILED
        assert len(sent) == 1
        assert balance(alice) == (0, 0)
        facts = Record.objects.get(event=Event.GENERATION_FAILED).facts
        assert facts["provider_may_bill"] is True
        [card] = cards([generation.run], viewer=alice)
        [frame] = card.frames
        assert frame.try_again
        assert "the studio pays" in frame.note

    def test_is_sent_again_first_if_a_key_makes_it_the_same_order(self, alice, engine, settings):
        settings.PROVIDER_MAX_ATTEMPTS = 3
        sent = engine(ProviderFailed(), takes_idempotency_key=True)
        generation = submitted(alice)
        for _ in range(3):
            Generation.objects.update(next_action_at=timezone.now())
            submit_all("worker")
        assert stands(generation) == Status.FAILED
        assert len({(payload.body, more["idempotency_key"]) for payload, more in sent}) == 1
        assert len(sent) == 3
        assert generation.may_arrive_until

    def test_is_sent_again_with_the_same_bytes_although_the_request_would_differ_by_now(
        self, alice, engine, monkeypatch
    ):
        sent = engine(ProviderFailed(), Accepted("task"), takes_idempotency_key=True)
        generation = submitted(alice)
        otherwise = Payload(path="/", body=b"otherwise")
        monkeypatch.setattr(StubProvider, "build_submit", lambda self, request: otherwise)
        Generation.objects.update(next_action_at=timezone.now())
        submit_all("worker")
        assert stands(generation) == Status.RUNNING
        assert [payload.body for payload, _more in sent] == [generation.run.prompt.encode()] * 2

    def test_leaves_a_doubtful_attempt_unknown(self, alice, engine, settings):
        settings.PROVIDER_MAX_ATTEMPTS = 2
        engine(OutcomeUnknown(), ProviderFailed(), takes_idempotency_key=True)
        generation = submitted(alice)
        Generation.objects.update(next_action_at=timezone.now())
        submit_all("worker")
        assert stands(generation) == Status.UNKNOWN

    def test_of_an_earlier_attempt_is_not_forgotten_by_the_end(self, alice, engine, settings):
        settings.PROVIDER_MAX_ATTEMPTS = 2
        engine(ProviderFailed(), NotSent(), takes_idempotency_key=True)
        generation = submitted(alice)
        Generation.objects.update(next_action_at=timezone.now())
        submit_all("worker")
        assert stands(generation) == Status.FAILED
        assert Record.objects.get(event=Event.GENERATION_FAILED).facts["provider_may_bill"]

    def test_keeps_the_images_that_its_stream_brought_before(self, alice, engine, monkeypatch):
        def stream(self, payload, *, on_image, **more):
            on_image(0, IMAGES.images[0])
            raise ProviderFailed

        engine(ProviderFailed(), images_per_request=2, answers_at_once=True)
        monkeypatch.setattr(StubProvider, "submit", stream)
        ask(alice, STUB, 2)
        submit_all("worker")
        label_all()
        generation = Generation.objects.select_related("run", "price").get()
        assert (stands(generation), generation.delivered) == (Status.SUCCEEDED, 1)
        assert generation.run.status == RunStatus.PARTIAL
        assert balance(alice) == (0, generation.price.credits)

    def test_an_ordinary_failure_awaits_nothing(self, alice, engine, settings):
        settings.PROVIDER_MAX_ATTEMPTS = 1
        engine(Unavailable())
        generation = submitted(alice)
        assert stands(generation) == Status.FAILED
        with pytest.raises(decisions.DecisionRefused):
            decisions.give_task_id(generation, "t", actor=alice, reason="")


class TestImagesAfterAFailure:
    @pytest.fixture
    def failed(self, alice, engine):
        engine(ProviderFailed())
        return submitted(alice)

    def test_a_webhook_brings_them_uncharged_and_on_the_record(self, failed, alice, monkeypatch):
        let_poll(monkeypatch, InProgress(), InProgress(), IMAGES)
        assert adopting.adopt_from(told(monkeypatch, failed).pk)
        assert stands(failed) == Status.RUNNING
        assert failed.run.status == RunStatus.PENDING
        poll(failed)
        poll(failed)
        label_all()
        assert stands(failed) == Status.SUCCEEDED
        assert (failed.run.status, failed.run.missing) == (RunStatus.SUCCEEDED, 0)
        assert balance(alice) == (0, 0)
        facts = Record.objects.get(event=Event.GENERATION_SUCCEEDED).facts
        assert (facts["late"], facts["delivered"], facts["credits_spent"]) == (True, 1, 0)

    def test_an_admin_brings_them_by_the_task_id(self, failed, admin, monkeypatch):
        let_poll(monkeypatch, IMAGES)
        assert decisions.can_be_decided(failed)
        decisions.give_task_id(failed, "task", actor=admin, reason="in their console")
        poll(failed)
        label_all()
        assert stands(failed) == Status.SUCCEEDED

    def test_they_come_after_the_images_asked_for_in_the_meantime(self, failed, alice, monkeypatch):
        let_poll(monkeypatch, IMAGES)
        submission.try_again(failed.run, actor=alice)
        again = dispatch.claim_next("worker")
        adopting.adopt_from(told(monkeypatch, failed).pk)
        poll(failed)
        arriving.accept(again, IMAGES)
        label_all()
        assert (stands(failed), stands(again)) == (Status.SUCCEEDED, Status.SUCCEEDED)
        places = {image.generation_id: image.position for image in failed.run.images.all()}
        assert places == {failed.pk: 1, again.pk: 0}
        assert balance(alice) == (0, again.price.credits)

    def test_a_task_that_failed_as_well_changes_nothing(self, failed, alice, monkeypatch):
        let_poll(monkeypatch, TaskFailed())
        assert adopting.adopt_from(told(monkeypatch, failed).pk)
        poll(failed)
        assert stands(failed) == Status.FAILED
        assert (failed.run.status, failed.run.missing) == (RunStatus.FAILED, 1)
        assert balance(alice) == (0, 0)

    def test_after_a_day_nothing_is_accepted_any_more(self, failed, alice, monkeypatch):
        later(hours=25)
        let_poll(monkeypatch, IMAGES)
        event = told(monkeypatch, failed)
        assert event.next_action_at is None
        assert not adopting.adopt(failed, "task")
        assert not arriving.accept(failed, IMAGES, expect=[Status.FAILED])
        assert not decisions.can_be_decided(failed)
        assert stands(failed) == Status.FAILED

    def test_a_set_that_comes_twice_leaves_a_run_that_wants_an_image(self, alice, engine):
        engine(ProviderFailed(), images_per_sequence=6)
        run = ask(alice, STUB, 6, sequential=True)
        submit_all("worker")
        first = run.generations.get()
        submission.try_again(run, actor=alice)
        second = dispatch.claim_next("worker")
        for generation in (first, second):
            assert arriving.accept(generation, IMAGES, expect=["failed", "submitting"])
            label_all()
        assert (stands(first), stands(second)) == (Status.SUCCEEDED, Status.SUCCEEDED)
        run.refresh_from_db()
        assert (run.status, run.wanted, run.delivered) == (RunStatus.SUCCEEDED, 2, 2)


class TestUnknownThatNobodySettles:
    @pytest.fixture
    def unknown(self, alice, engine):
        engine(OutcomeUnknown())
        return submitted(alice)

    def test_is_released_by_the_studio_after_a_day_and_admins_are_told(
        self, unknown, alice, admin, settings, django_capture_on_commit_callbacks
    ):
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        later(hours=23)
        recovery.recover()
        assert stands(unknown) == Status.UNKNOWN
        later(hours=2)
        with django_capture_on_commit_callbacks(execute=True):
            recovery.recover()
        assert stands(unknown) == Status.FAILED
        assert balance(alice) == (0, 0)
        decided = Record.objects.get(event=Event.GENERATION_DECIDED)
        assert (decided.actor, decided.facts["decision"]) == (None, "released_by_age")
        assert [message.to for message in mail.outbox] == [[admin.email]]

    def test_is_left_to_admins_where_the_setting_says_never(self, unknown, settings):
        settings.UNKNOWN_RELEASE_HOURS = 0
        later(days=365)
        recovery.recover()
        assert stands(unknown) == Status.UNKNOWN

    def test_still_takes_the_answer_that_its_worker_holds(self, unknown, alice, engine):
        later(hours=25)
        recovery.recover()
        submitting._run(unknown, Accepted(task_id="t"), submitting.registry.engine(STUB))
        assert stands(unknown) == Status.RUNNING
        assert balance(alice) == (0, 0)

    def test_still_takes_a_webhook_for_a_day(self, unknown, alice, monkeypatch):
        later(hours=25)
        recovery.recover()
        let_poll(monkeypatch, IMAGES)
        assert adopting.adopt_from(told(monkeypatch, unknown).pk)
        poll(unknown)
        label_all()
        assert stands(unknown) == Status.SUCCEEDED
        assert balance(alice) == (0, 0)

    def test_the_page_does_not_promise_what_cannot_come(self, unknown, alice, settings):
        [hopeful] = cards([unknown.run], viewer=alice)[0].frames
        assert "may still arrive" in hopeful.note
        settings.SERVED_OVER_HTTPS = False
        [frame] = cards([unknown.run], viewer=alice)[0].frames
        assert "arrive" not in frame.note
        assert "After 24 hours they are returned automatically." in frame.note

    def test_an_outcome_that_is_lost_twice_is_not_given_up_later(self, unknown, monkeypatch):
        later(hours=20)
        adopting.adopt(unknown, "task")
        lifecycle.move(unknown, Status.UNKNOWN)
        later(hours=5)
        recovery.recover()
        unknown.refresh_from_db()
        assert unknown.unknown_at < timezone.now() - timedelta(hours=24)


class TestATaskWhoseStatusKeepsChanging:
    def test_is_given_up_after_all(self, alice, engine, monkeypatch):
        """Each look-up says that it has ended, and each poll that it is in progress."""
        engine(Accepted(task_id="task"))
        generation = submitted(alice)
        for _ in range(20):
            later(hours=6)
            let_poll(monkeypatch, IMAGES)
            adopting.look_up(generation.pk)
            let_poll(monkeypatch, InProgress())
            if stands(generation) == Status.RUNNING:
                poll(generation)
            recovery.recover()
        assert stands(generation) == Status.FAILED
        assert balance(alice) == (0, 0)


class TestAKnownTaskThatNeverEnds:
    @pytest.fixture
    def late(self, alice, engine):
        engine(Accepted(task_id="task"))
        generation = submitted(alice)
        later(hours=1)
        recovery.recover()  # no poller has noticed its deadline
        assert stands(generation) == Status.UNKNOWN
        return generation

    def test_is_looked_up_until_its_own_age_limit(self, late, monkeypatch):
        let_poll(monkeypatch, InProgress())
        later(hours=12)
        assert late in adopting.to_look_up()
        assert not adopting.look_up(late.pk)
        assert stands(late) == Status.UNKNOWN

    def test_is_then_released_and_looked_up_for_a_day_more(self, late, alice, monkeypatch):
        later(hours=25)
        assert late not in adopting.to_look_up()
        recovery.recover()
        assert stands(late) == Status.FAILED
        assert late in adopting.to_look_up()
        let_poll(monkeypatch, IMAGES)
        assert adopting.look_up(late.pk)
        poll(late)
        label_all()
        assert stands(late) == Status.SUCCEEDED
        assert balance(alice) == (0, 0)

    def test_a_look_up_that_raises_is_repeated_later(self, late, monkeypatch):
        let_poll(monkeypatch, ZeroDivisionError())
        later(hours=12)
        assert not adopting.look_up(late.pk)
        late.refresh_from_db()
        assert late.next_action_at > timezone.now()


def test_a_webhook_that_comes_while_the_same_order_is_sent_again_is_not_forgotten(
    alice, engine, monkeypatch, settings
):
    settings.PROVIDER_MAX_ATTEMPTS = 2
    engine(OutcomeUnknown(), takes_idempotency_key=True)
    let_poll(monkeypatch, InProgress())
    generation = submitted(alice)
    assert stands(generation) == Status.QUEUED
    event = told(monkeypatch, generation)
    assert not adopting.adopt_from(event.pk)  # the submit that is sent again has priority
    Generation.objects.update(next_action_at=timezone.now())
    submit_all("worker")
    assert stands(generation) == Status.UNKNOWN
    WebhookEvent.objects.update(next_action_at=timezone.now())
    assert adopting.adopt_from(event.pk)
    assert stands(generation) == Status.RUNNING
    assert Run.objects.get().open == 1
