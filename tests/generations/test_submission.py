"""Asking, asking again, cancelling: all of it or nothing."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts import ledger
from accounts.errors import InsufficientCredits
from accounts.events import Event
from accounts.models import Entry, Record
from generations import hints, submission
from generations.models import Campaign, Generation, Price, Run
from generations.providers.errors import UnsupportedOption
from generations.states import RunStatus, Status
from generations.submission import KeyReused, SubmissionRefused
from tests.factories import make_user
from tests.generations.asking import APIXO, ask, request


def nothing_was_written():
    return not (Run.objects.exists() or Generation.objects.exists() or held())


def held():
    return Entry.objects.filter(kind=Entry.Kind.RESERVE).exists()


@pytest.mark.django_db
class TestSubmit:
    def test_one_request_for_each_picture_where_a_call_makes_one(self, alice):
        run = ask(alice, num_images=3)
        assert [(g.position, g.wanted) for g in run.generations.all()] == [(0, 1), (1, 1), (2, 1)]
        assert (run.wanted, run.open, run.status) == (3, 3, RunStatus.PENDING)

    def test_one_request_for_all_where_a_call_makes_several(self, alice, apixo_key):
        run = ask(alice, APIXO, 4)
        assert [(g.position, g.wanted) for g in run.generations.all()] == [(0, 4)]

    def test_the_price_on_the_button_is_what_is_held(self, alice):
        asked = request(num_images=4)
        assert submission.quote(asked) == 8
        submission.submit(alice, asked)
        assert ledger.balance(alice).reserved == 8

    def test_is_recorded_with_the_prompt_apart(self, alice):
        run = ask(alice, prompt="a red fox", campaign="Autumn")
        record = Record.objects.get(event=Event.RUN_SUBMITTED)
        assert record.story == run.uuid
        assert record.facts["credits"] == 8
        assert "fox" not in str(record.facts)
        assert record.payload.data["prompt"] == "a red fox"

    def test_workers_are_told_on_commit_one_hint_for_each_request(
        self, alice, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks() as callbacks:
            ask(alice, num_images=2)
        published = [c.args for c in callbacks if getattr(c, "func", None) is hints._publish]
        assert published == [(hints.SUBMIT, ()), (hints.SUBMIT, ())]

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

    def test_keys_are_each_persons_own(self, alice, bob):
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
def test_64_presses_at_once_with_credit_for_exactly_10():
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

    def test_asks_for_what_did_not_come_at_todays_price(self, alice):
        run = self.failed(alice, of=2)
        old = Price.objects.get(engine=run.engine, tier="2K")
        Price.objects.create(engine=run.engine, tier="2K", credits=5, cost_usd=old.cost_usd)
        run = submission.try_again(run, actor=alice)
        assert (run.status, run.open) == (RunStatus.PENDING, 2)
        assert ledger.balance(alice).reserved == 10
        assert Record.objects.get(event=Event.RUN_RETRIED).story == run.uuid

    def test_not_while_anything_is_open(self, alice):
        with pytest.raises(SubmissionRefused):
            submission.try_again(ask(alice), actor=alice)

    def test_not_without_credit(self, alice):
        run = self.failed(alice, of=2)
        ledger.set_limit(alice, 1, actor=None, reason="")
        with pytest.raises(InsufficientCredits):
            submission.try_again(run, actor=alice)
        run.refresh_from_db()
        assert run.open == 0


@pytest.mark.django_db
class TestCancel:
    def test_what_waits_is_cancelled_at_once_and_costs_nothing(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        assert submission.cancel(generation, actor=alice)
        assert Run.objects.get().status == RunStatus.CANCELLED
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total

    @pytest.mark.parametrize(("engine", "asked"), [("demo/seedream-4-5", True), (APIXO, False)])
    def test_what_was_sent_is_cancelled_by_the_providers_leave(
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
