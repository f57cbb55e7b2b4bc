"""Submitting, trying again, cancelling: each happens as a whole or not at all."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts import audit, ledger
from accounts.errors import InsufficientCredits
from accounts.events import Event
from accounts.models import Entry, Record
from generations import submission
from generations.jobs import hints
from generations.models import Campaign, Generation, Price, Run
from generations.providers.errors import UnsupportedOption
from generations.states import RunStatus, Status
from generations.submission import KeyReused, SubmissionRefused
from tests.factories import make_user
from tests.generations.asking import APIXO, ask, request
from tests.generations.factories import make_finished_run
from tests.queries import queries_of

# Of a submit without references, savepoints included.
MOST_STATEMENTS = 21


def nothing_was_written():
    return not (Run.objects.exists() or Generation.objects.exists() or reserved())


def reserved():
    return Entry.objects.filter(kind=Entry.Kind.RESERVE).exists()


@pytest.mark.django_db
class TestSubmit:
    def test_an_engine_that_makes_one_image_a_call_gets_one_request_for_each(self, alice):
        run = ask(alice, num_images=3)
        assert [(g.position, g.wanted) for g in run.generations.all()] == [(0, 1), (1, 1), (2, 1)]
        assert (run.wanted, run.open, run.status) == (3, 3, RunStatus.PENDING)

    def test_an_engine_that_makes_several_images_a_call_gets_one_request(self, alice, apixo_key):
        run = ask(alice, APIXO, 4)
        assert [(g.position, g.wanted) for g in run.generations.all()] == [(0, 4)]

    def test_four_images_need_no_more_statements_than_one(self, alice):
        few = queries_of(lambda: ask(alice, num_images=1))
        assert queries_of(lambda: ask(alice, num_images=4)) == few <= MOST_STATEMENTS

    def test_the_price_on_the_button_is_what_is_reserved(self, alice):
        asked = request(num_images=4)
        assert submission.quote(submission.as_generation_request(asked)) == 8
        submission.submit(alice, asked)
        assert ledger.balance(alice).reserved == 8

    def test_is_recorded_with_the_prompt_in_the_erasable_part(self, alice):
        run = ask(alice, prompt="a red fox", campaign="Autumn")
        record = Record.objects.get(event=Event.RUN_SUBMITTED)
        assert record.story == run.uuid
        assert record.facts["credits"] == 8
        assert "fox" not in str(record.facts)
        assert record.payload.data["prompt"] == "a red fox"

    def test_a_new_campaign_is_recorded_once(self, alice):
        for _ in range(2):
            ask(alice, campaign="Autumn")
        record = Record.objects.get(event=Event.CAMPAIGN_MADE)
        assert (record.actor, record.subject_id) == (alice, Campaign.objects.get().uuid)
        assert record.payload.data == {"name": "Autumn"}

    def test_the_entries_of_a_run_are_on_its_records(self, alice):
        run = ask(alice, num_images=2)
        submission.cancel(run.generations.all()[0], actor=alice)
        facts = Record.objects.values_list("facts", flat=True)
        said = [entry for each in facts for entry in each.get("entries", [])]
        assert sorted(said) == sorted(map(audit.entries.digest, Entry.objects.all()))

    def test_an_image_of_the_studio_is_named_with_the_run_that_made_it(self, alice):
        parent = make_finished_run(alice)
        image = parent.images.get()
        ask(alice, references=[image])
        [about] = Record.objects.get(event=Event.RUN_SUBMITTED).facts["references"]
        assert (about["image"], about["run"]) == (str(image.uuid), str(parent.uuid))
        assert about["sha256"] == image.original_sha256

    def test_price_and_requests_are_on_the_record_and_on_the_entries(self, alice):
        run = ask(alice, num_images=2, negative_prompt="fog", resolution="2K")
        first, second = run.generations.order_by("position")
        assert first.preparing_since is second.preparing_since is None  # they may go at once
        record = Record.objects.get(event=Event.RUN_SUBMITTED)
        facts = record.facts
        assert facts["options"] == {"resolution": "2K", "aspect_ratio": run.options["aspect_ratio"]}
        assert record.payload.data == {"prompt": run.prompt, "negative_prompt": "fog"}
        assert facts["generations"] == [str(first.uuid), str(second.uuid)]
        assert facts["price"] == str(first.price.uuid)
        assert (facts["images"], facts["credits"]) == (2, 2 * first.price.credits)
        assert (facts["engine"], facts["campaign"], facts["references"]) == (run.engine, None, [])
        entries = Entry.objects.filter(kind=Entry.Kind.RESERVE).order_by("pk")
        assert [(entry.generation, entry.price) for entry in entries] == [
            (first.uuid, first.price.uuid),
            (second.uuid, second.price.uuid),
        ]

    def test_workers_are_told_once_on_commit(
        self, alice, monkeypatch, django_capture_on_commit_callbacks
    ):
        published = []
        monkeypatch.setattr(hints._publisher, "take", published.append)
        with django_capture_on_commit_callbacks(execute=True):
            ask(alice, num_images=2)
            assert published == []
        assert published == [(hints.SUBMIT, ())]

    def test_a_campaign_is_made_once_whatever_its_case(self, alice, bob):
        ask(alice, campaign="Autumn")
        ask(bob, campaign="autumn")
        assert Campaign.objects.count() == 1

    def test_without_credit_nothing_is_written(self):
        poor = make_user(quota=7)
        with pytest.raises(InsufficientCredits):
            ask(poor, num_images=4)
        assert nothing_was_written()

    def test_without_a_price_nothing_is_written(self, alice):
        Price.objects.all().delete()
        with pytest.raises(SubmissionRefused, match="no price"):
            ask(alice)
        assert nothing_was_written()

    @pytest.mark.parametrize(
        ("field", "more"),
        [
            ("prompt", {"prompt": ""}),
            ("prompt", {"prompt": "x" * 5001}),
            ("prompt", {"prompt": "a\x00b"}),
            ("prompt", {"prompt": "a\ud800b"}),
            ("num_images", {"num_images": 0}),
            ("num_images", {"num_images": 11}),
            ("resolution", {"resolution": "9K"}),
            ("aspect_ratio", {"aspect_ratio": "5:7"}),
            ("seed", {"seed": -1}),
            ("sequential", {"sequential": True}),
        ],
    )
    def test_what_the_engine_cannot_do_is_refused_by_field(self, alice, field, more):
        with pytest.raises(UnsupportedOption) as refusal:
            ask(alice, **more)
        assert refusal.value.field == field
        assert nothing_was_written()

    def test_an_unknown_engine_is_refused(self, alice):
        with pytest.raises(SubmissionRefused) as refusal:
            ask(alice, "nobody/nothing")
        assert refusal.value.field == "engine"


@pytest.mark.django_db
class TestTheSamePressTwice:
    def test_same_key_and_content_gives_the_first_run(self, alice):
        asked = request()
        assert submission.submit(alice, asked) == submission.submit(alice, asked)
        assert ledger.balance(alice).reserved == 8

    def test_same_key_and_other_content_is_refused(self, alice):
        key = uuid.uuid4()
        ask(alice, key=key, prompt="one")
        with pytest.raises(KeyReused):
            ask(alice, key=key, prompt="two")
        assert Run.objects.count() == 1

    def test_two_people_may_use_the_same_key(self, alice, bob):
        key = uuid.uuid4()
        assert ask(alice, key=key) != ask(bob, key=key)


@pytest.mark.django_db(transaction=True)
def test_the_same_press_at_the_same_time_is_one_run():
    user, asked = make_user(quota=100), request()

    def press(_):
        try:
            return submission.submit(user, asked).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(press, range(8)))) == 1
    assert ledger.balance(user).reserved == 8
    assert ledger.reconcile() == []


@pytest.mark.django_db(transaction=True)
def test_of_64_presses_at_once_10_succeed_with_credits_for_10():
    user = make_user(quota=20)
    ledger.allowance_of(user)

    def press(_):
        try:
            return bool(ask(user, num_images=1))
        except InsufficientCredits:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(press, range(64))) == 10
    assert Run.objects.count() == Generation.objects.count() == 10
    assert ledger.balance(user).left == 0
    assert ledger.reconcile() == []


@pytest.mark.django_db
class TestTryAgain:
    def failed(self, user, *, of):
        run = ask(user, num_images=of)
        for generation in run.generations.all():
            submission.cancel(generation, actor=user)
        run.refresh_from_db()
        return run

    def test_asks_for_the_missing_images_at_todays_price(self, alice):
        run = self.failed(alice, of=2)
        old = Price.objects.get(engine=run.engine, tier="2K")
        new = Price.objects.create(engine=run.engine, tier="2K", credits=5, cost_usd=old.cost_usd)
        run = submission.try_again(run, actor=alice)
        assert (run.status, run.open) == (RunStatus.PENDING, 2)
        assert ledger.balance(alice).reserved == 10
        record = Record.objects.get(event=Event.RUN_RETRIED)
        assert (record.actor, record.subject_id, record.story) == (alice, run.uuid, run.uuid)
        again = run.generations.filter(price=new)
        assert record.facts == {
            "images": 2,
            "engine": run.engine,
            "price": str(new.uuid),
            "credits": 10,
            "generations": [str(each.uuid) for each in again],
            "entries": record.facts["entries"],
            "story": str(run.uuid),
        }

    def test_not_while_anything_is_open(self, alice):
        with pytest.raises(SubmissionRefused, match="has not ended yet"):
            submission.try_again(ask(alice), actor=alice)

    def test_not_without_a_price(self, alice):
        run = self.failed(alice, of=2)
        Price.objects.update(engine="demo/another")
        with pytest.raises(SubmissionRefused, match="no price"):
            submission.try_again(run, actor=alice)
        run.refresh_from_db()
        assert run.open == 0

    def test_not_without_credit(self, alice):
        run = self.failed(alice, of=2)
        ledger.set_limit(alice, 1, actor=None, reason="")
        with pytest.raises(InsufficientCredits):
            submission.try_again(run, actor=alice)
        run.refresh_from_db()
        assert run.open == 0


@pytest.mark.django_db
class TestCancel:
    def test_a_waiting_request_is_cancelled_at_once_and_costs_nothing(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        assert submission.cancel(generation, actor=alice)
        assert Run.objects.get().status == RunStatus.CANCELLED
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total

    @pytest.mark.parametrize(("engine", "asked"), [("demo/seedream-4-5", True), (APIXO, False)])
    def test_a_sent_request_is_cancelled_only_if_the_provider_can(
        self, alice, apixo_key, engine, asked
    ):
        [generation] = ask(alice, engine, 1).generations.all()
        sent = {"status": Status.RUNNING, "task_id": "t"}
        Generation.objects.filter(pk=generation.pk).update(**sent)
        generation.refresh_from_db()
        assert submission.can_cancel(generation) is asked
        assert submission.cancel(generation, actor=alice) is asked
        generation.refresh_from_db()
        assert bool(generation.cancel_asked_at) is asked
        assert generation.status == Status.RUNNING

    def test_a_provider_is_asked_once(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        Generation.objects.filter(pk=generation.pk).update(status=Status.RUNNING, task_id="t")
        generation.refresh_from_db()
        assert submission.cancel(generation, actor=alice)
        assert not submission.cancel(generation, actor=alice)
        asked = Record.objects.get(event=Event.GENERATION_CANCEL_ASKED)
        assert (asked.actor, asked.subject_id) == (alice, generation.uuid)
        assert asked.story == generation.run.uuid
