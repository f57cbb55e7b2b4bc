"""What seldom happens to a request or its answer, and how each case ends."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts import ledger
from accounts.events import Event
from accounts.models import Record
from generations import storage
from generations.jobs import dispatch, provider_health
from generations.jobs.execution import accidents, arriving, polling, requests, submitting
from generations.models import Delivery, Generation
from generations.providers.capabilities import PollSchedule
from generations.providers.errors import (
    Code,
    NotSent,
    OutcomeUnknown,
    ProviderFailed,
    Refused,
    TaskFailed,
)
from generations.providers.types import Accepted, ImageError, InlineImage, InProgress, Result
from generations.states import Status
from tests.generations.asking import ask, submit_all
from tests.generations.factories import image_file
from tests.generations.stub import STUB, StubProvider, let_submit, set_up_stub

pytestmark = pytest.mark.django_db

ACCEPTED = Accepted(task_id="task")


@pytest.fixture
def engine(monkeypatch, settings):
    """`engine(*outcomes, **able)`: an engine that answers with `outcomes`; returns what is sent."""

    def engine(*outcomes, **able):
        set_up_stub(monkeypatch, settings, **able)
        return let_submit(monkeypatch, *outcomes)

    return engine


@pytest.fixture
def claimed(alice):
    """`claimed()`: a request that a worker has claimed and not yet sent."""

    def claimed():
        ask(alice, STUB, 1)
        return dispatch.claim_next("worker")

    return claimed


def submitted(user):
    run = ask(user, STUB, 1)
    submit_all("worker")
    return run.generations.select_related("run", "account", "price").get()


def raising(error):
    def fail(*_args, **_more):
        raise error

    return fail


class TestAnEngineThatIsGone:
    def test_a_claimed_request_fails_and_credits_return(self, engine, claimed, alice, settings):
        sent = engine(ACCEPTED)
        generation = claimed()
        settings.PROVIDERS = {}
        submitting.submit(generation)
        generation.refresh_from_db()
        assert (generation.status, generation.error_code) == (Status.FAILED, "engine_missing")
        assert ledger.balance(alice).reserved == 0
        assert sent == []

    def test_a_task_is_asked_about_until_its_deadline(self, engine, alice, settings):
        engine(ACCEPTED)
        generation = submitted(alice)
        settings.PROVIDERS = {}
        asked = polling.ask(generation)
        assert asked.answer.code == Code.ENGINE_MISSING
        polling.write_down([asked])
        generation.refresh_from_db()
        assert generation.status == Status.RUNNING
        assert generation.next_action_at > timezone.now()
        Generation.objects.update(deadline_at=timezone.now())
        generation.refresh_from_db()
        polling.write_down([polling.ask(generation)])
        generation.refresh_from_db()
        assert generation.status == Status.UNKNOWN
        assert generation.next_action_at > timezone.now()  # it is looked up later

    def test_a_task_of_an_engine_that_was_withdrawn_keeps_a_pace(self, engine, alice):
        engine(ACCEPTED)
        generation = submitted(alice)
        generation.run.engine = "stub/withdrawn"
        generation.run.save(update_fields=["engine"])
        polling.write_down([polling.Asked(generation, InProgress())])
        generation.refresh_from_db()
        wait = (generation.next_action_at - timezone.now()).total_seconds()
        assert 0 < wait <= polling.UNKNOWN_ENGINE_SECONDS


class TestBeforeItIsSent:
    def test_what_somebody_else_decided_on_is_not_sent(self, engine, claimed):
        sent = engine(ACCEPTED)
        generation = claimed()
        Generation.objects.update(submit_token="22222222-2222-2222-2222-222222222222")
        submitting.submit(generation)
        generation.refresh_from_db()
        assert generation.status == Status.SUBMITTING
        assert generation.submitted_at is None
        assert sent == []

    def test_a_doubtful_one_is_not_sent_again_once_its_time_is_over(self, engine, alice):
        sent = engine(OutcomeUnknown(), takes_idempotency_key=True)
        generation = submitted(alice)
        assert generation.status == Status.QUEUED
        long_ago = timezone.now() - timedelta(days=9)
        Generation.objects.update(retrying_since=long_ago, next_action_at=timezone.now())
        submit_all("worker")
        generation.refresh_from_db()
        assert generation.status == Status.UNKNOWN
        assert len(sent) == 1

    def test_an_error_nobody_foresaw_uses_up_an_attempt(self, engine, alice, monkeypatch):
        sent = engine(ACCEPTED)
        monkeypatch.setattr(requests, "request_of", raising(ZeroDivisionError()))
        generation = submitted(alice)
        assert (generation.status, generation.claimed_by) == (Status.QUEUED, "")
        assert (generation.attempt, generation.error_code) == (1, "bad_response")
        assert generation.next_action_at > timezone.now()
        assert sent == []


class TestAfterItWasSent:
    @pytest.mark.parametrize("cancelled", [False, True])
    def test_a_task_is_read_at_its_engines_pace_or_at_once_to_cancel_it(
        self, engine, claimed, cancelled
    ):
        answer = Accepted(task_id="task", request_id="r" * 300, raw={"state": 1})
        engine(answer, polls={"2K": PollSchedule(60, 60)})
        generation = claimed()
        if cancelled:
            Generation.objects.update(cancel_asked_at=timezone.now())
        submitting.submit(generation)
        generation.refresh_from_db()
        assert (generation.status, generation.task_id) == (Status.RUNNING, "task")
        assert (generation.next_action_at <= timezone.now()) is cancelled
        facts = Record.objects.get(event=Event.GENERATION_RUNNING).facts
        assert (facts["task_id"], facts["provider_request_id"]) == ("task", "r" * 200)
        assert facts["answer"] == {"state": "1"}

    @pytest.mark.parametrize(
        ("error", "may_bill"),
        [(Refused(code=Code.PROMPT_REJECTED), False), (ProviderFailed(), True)],
    )
    def test_a_failure_is_on_row_and_record_with_whether_it_may_be_billed(
        self, engine, alice, error, may_bill
    ):
        error.raw_code, error.request_id, error.message = "E7", "r" * 300, "in its own words"
        engine(error)
        generation = submitted(alice)
        facts = Record.objects.get(event=Event.GENERATION_FAILED).facts
        assert (facts["error"], facts["provider_code"]) == (str(error.code), "E7")
        assert facts["provider_request_id"] == generation.request_id == "r" * 200
        assert facts.get("provider_may_bill", False) is may_bill
        assert (generation.error_raw_code, generation.error_message) == ("E7", "in its own words")
        assert (generation.may_arrive_until is not None) is may_bill

    def test_a_task_that_failed_is_not_due_any_more(self, engine, alice):
        engine(ACCEPTED)
        generation = submitted(alice)
        polling.write_down([polling.Asked(generation, TaskFailed(code=Code.CONTENT_POLICY))])
        generation.refresh_from_db()
        assert (generation.status, generation.next_action_at) == (Status.FAILED, None)
        assert generation.error_code == "content_policy"

    @pytest.mark.parametrize("error", [NotSent(), OutcomeUnknown()])
    def test_the_same_bytes_go_again_under_the_same_key(self, engine, alice, error):
        sent = engine(error, ACCEPTED, takes_idempotency_key=True)
        generation = submitted(alice)
        key, body = generation.idempotency_key, bytes(generation.body)
        assert key
        Generation.objects.update(next_action_at=timezone.now())
        submit_all("worker")
        assert [more["idempotency_key"] for _payload, more in sent] == [key, key]
        assert [payload.body for payload, _more in sent] == [body, body]

    def test_what_another_key_takes_over_is_another_order(self, engine, alice, settings):
        sent = engine(Refused(code=Code.AUTH), ACCEPTED, takes_idempotency_key=True)
        settings.PROVIDERS["stub"]["keys"] = {1: "one", 2: "two"}
        generation = submitted(alice)
        assert (generation.status, generation.idempotency_key) == (Status.QUEUED, "")
        Generation.objects.update(next_action_at=timezone.now())
        submit_all("worker")
        first, second = (more["idempotency_key"] for _payload, more in sent)
        assert first != second

    @pytest.mark.parametrize(("keyed", "status"), [(False, "unknown"), (True, "queued")])
    def test_an_error_nobody_foresaw_leaves_it_in_doubt(self, engine, alice, keyed, status):
        sent = engine(ZeroDivisionError(), takes_idempotency_key=keyed)
        generation = submitted(alice)
        assert (generation.status, generation.error_code) == (status, "outcome_unknown")
        assert ledger.balance(alice).reserved == generation.price.credits
        assert len(sent) == 1

    def test_a_failure_about_the_content_is_not_repeated_under_its_key(self, engine, alice):
        sent = engine(ProviderFailed(code=Code.CONTENT_POLICY), takes_idempotency_key=True)
        generation = submitted(alice)
        assert (generation.status, generation.error_code) == (Status.FAILED, "content_policy")
        assert generation.may_arrive_until is not None
        assert len(sent) == 1

    def test_a_refusal_counts_although_it_cannot_be_noted(self, engine, alice, monkeypatch):
        engine(Refused(code=Code.AUTH))
        monkeypatch.setattr(provider_health, "note_refusal", raising(ZeroDivisionError()))
        generation = submitted(alice)
        assert (generation.status, generation.error_code) == (Status.FAILED, "auth")

    def test_answers_count_although_their_keys_cannot_be_noted(self, engine, alice, monkeypatch):
        engine(ACCEPTED)
        generation = submitted(alice)
        told = []

        def note_polls(answers):
            told.extend(answers)
            raise ZeroDivisionError

        monkeypatch.setattr(provider_health, "note_polls", note_polls)
        assert polling.write_down([polling.Asked(generation, InProgress())]) == []
        generation.refresh_from_db()
        assert generation.claimed_by == ""
        assert told == [(generation.account, InProgress())]


@pytest.mark.django_db(transaction=True)
def test_a_refusal_that_the_database_does_not_take_is_written_again(engine, alice, monkeypatch):
    engine(Refused(code=Code.PROMPT_REJECTED))
    monkeypatch.setattr(accidents, "FIRST_PAUSE_SECONDS", 0)
    really_note = provider_health.note_refusal
    tries = []

    def note(*args):
        tries.append(args)
        if len(tries) == 1:
            raise OperationalError("the database is away")
        return really_note(*args)

    monkeypatch.setattr(provider_health, "note_refusal", note)
    generation = submitted(alice)
    assert (generation.status, generation.error_code) == (Status.FAILED, "prompt_rejected")
    assert len(tries) == 2


class TestAnAnswerKeptByAWorkerThatDied:
    def test_is_all_its_images_in_order(self, engine, claimed):
        engine(ACCEPTED)
        generation = claimed()
        assert arriving.kept_answer(generation) is None
        images = [image_file((600, 600)), image_file((700, 600))]
        for index, data in enumerate(images):
            name = storage.original_name(generation.uuid, attempt=1, index=index)
            storage.save_original(name, data)
        kept = arriving.kept_answer(generation)
        assert [image.data for image in kept.images] == images


class TestWhatIsKeptOfAnAnswer:
    @pytest.mark.parametrize(
        ("told", "kept"),
        [
            (None, None),
            (0, 0),
            (2**63 - 1, 2**63 - 1),
            (2**63, None),
            (-(2**63), -(2**63)),
            (-(2**63) - 1, None),
        ],
    )
    def test_is_a_seed_that_the_column_can_hold(self, engine, alice, told, kept):
        image = InlineImage(image_file((600, 600)))
        engine(Result(images=(image,), seed=told, model="m" * 300, request_id="r" * 300))
        generation = submitted(alice)
        assert (generation.status, generation.seed) == (Status.STORING, kept)
        assert (generation.model, generation.request_id) == ("m" * 200, "r" * 200)


class TestAStreamThatBreaksOff:
    @pytest.fixture
    def streamed(self, monkeypatch, settings, alice):
        """`streamed(error, *images)`: a generation that got these images, and then an error."""

        def streamed(error, *images):
            set_up_stub(monkeypatch, settings)

            def submit(_self, _payload, *, on_image, **_more):
                for index, image in enumerate(images):
                    on_image(index, image)
                raise error

            monkeypatch.setattr(StubProvider, "submit", submit)
            return submitted(alice)

        return streamed

    @pytest.mark.parametrize("error", [Refused(code=Code.CONTENT_POLICY), OutcomeUnknown()])
    def test_what_came_is_delivered_whatever_the_error(self, streamed, error):
        generation = streamed(error, InlineImage(image_file((600, 600))))
        assert generation.status == Status.STORING
        first, second = generation.deliveries.order_by("index")
        assert first.status == Delivery.Status.FETCHED
        assert (second.status, second.error_code) == (Delivery.Status.FAILED, "outcome_unknown")

    def test_an_image_that_was_refused_keeps_its_reason(self, streamed):
        refused = ImageError(code=Code.CONTENT_POLICY)
        generation = streamed(OutcomeUnknown(), refused, InlineImage(image_file((600, 600))))
        codes = list(generation.deliveries.order_by("index").values_list("error_code", flat=True))
        assert codes == ["content_policy", "", "outcome_unknown"]


def test_what_was_surely_not_sent_is_sent_again(engine, alice):
    sent = engine(NotSent(), ACCEPTED)
    generation = submitted(alice)
    assert generation.status == Status.QUEUED
    assert generation.retrying_since is not None
    Generation.objects.update(next_action_at=timezone.now())
    submit_all("worker")
    generation.refresh_from_db()
    assert (generation.status, generation.retrying_since) == (Status.RUNNING, None)
    assert len(sent) == 2
