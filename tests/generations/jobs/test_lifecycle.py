"""A move changes status, record, counters, credits and the person's tag together, or not at all."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from accounts import ledger
from accounts.errors import AccountsError
from accounts.events import Event
from accounts.models import Entry, PersonalNotice, Record
from generations import live
from generations.jobs import decisions, hints, lifecycle
from generations.models import Generation, ProviderAccount, Run
from generations.states import RunStatus, Status
from tests.generations.asking import ask

CLAIM = {"submit_token": "11111111-1111-1111-1111-111111111111", "claimed_by": "w"}


def submitting(generation):
    lifecycle.move(generation, Status.SUBMITTING, changes=CLAIM)
    return generation


def running(generation):
    lifecycle.move(submitting(generation), Status.RUNNING, changes={"task_id": f"t{generation.pk}"})
    return generation


def storing(generation, delivered):
    lifecycle.move(running(generation), Status.STORING)
    Generation.objects.filter(pk=generation.pk).update(delivered=delivered)
    Run.objects.filter(pk=generation.run_id).update(delivered=delivered)
    return generation


def end(generation, target=Status.SUCCEEDED):
    lifecycle.move(generation, target)
    return Run.objects.get(pk=generation.run_id)


@pytest.mark.django_db
def test_a_move_to_another_key_forgets_the_known_one(alice):
    [generation] = ask(alice, num_images=1).generations.all()
    first, second = (
        ProviderAccount.objects.create(provider="demo", slot=slot, concurrency=1, per_minute=1)
        for slot in (1, 2)
    )
    generation.account = first
    lifecycle.move(generation, Status.SUBMITTING, changes={**CLAIM, "account": second})
    assert generation.account == second


@pytest.mark.django_db
class TestLosingTheRace:
    def test_the_second_of_two_moves_changes_nothing(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        stale = Generation.objects.get(pk=generation.pk)
        assert lifecycle.move(generation, Status.CANCELLED)
        assert not lifecycle.move(stale, Status.SUBMITTING, changes=CLAIM)
        assert Record.objects.filter(event=Event.GENERATION_SUBMITTING).count() == 0

    def test_a_guard_that_does_not_hold_changes_nothing(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        submitting(generation)
        guard = Q(submit_token="22222222-2222-2222-2222-222222222222")
        assert not lifecycle.move(generation, Status.UNKNOWN, guard=guard)
        assert Run.objects.get(pk=generation.run_id).open == 1


@pytest.mark.django_db
class TestWhoseTurnItIs:
    def test_at_an_end_nobody_holds_it_and_nothing_is_due(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        submitting(generation)
        assert generation.claimed_by == "w"
        Generation.objects.update(next_action_at=timezone.now())
        lifecycle.move(generation, Status.FAILED)
        assert (generation.claimed_by, generation.next_action_at) == ("", None)
        assert generation.ended_at is not None

    @pytest.mark.parametrize("target", [Status.FAILED, Status.UNKNOWN])
    def test_a_slot_that_is_free_is_hinted_at(self, alice, target, monkeypatch):
        hinted = []
        [generation] = ask(alice, num_images=1).generations.all()
        monkeypatch.setattr(hints, "hint", hinted.append)
        running(generation)
        assert hinted == []
        lifecycle.move(generation, target)
        assert hinted == [hints.SUBMIT]

    def test_an_outcome_lost_twice_is_unknown_since_the_first_time(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        assert running(generation).unknown_at is None
        lifecycle.move(generation, Status.UNKNOWN)
        first = generation.unknown_at
        assert first is not None
        lifecycle.move(generation, Status.RUNNING)
        lifecycle.move(generation, Status.UNKNOWN)
        assert generation.unknown_at == first

    def test_a_failed_one_goes_on_as_late_while_its_images_may_arrive(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        later = timezone.now() + timedelta(hours=1)
        lifecycle.move(running(generation), Status.FAILED, changes={"may_arrive_until": later})
        assert lifecycle.move(generation, Status.STORING)
        assert (generation.ended_at, generation.came_late) == (None, True)
        assert Record.objects.get(event=Event.GENERATION_STORING).facts["late"] is True


@pytest.mark.django_db
class TestCounters:
    def test_a_run_ends_when_its_last_generation_does(self, alice):
        run = ask(alice, num_images=2)
        first, second = run.generations.all()
        assert end(storing(first, 1)).status == RunStatus.PENDING
        assert end(second, Status.CANCELLED).status == RunStatus.PARTIAL

    @pytest.mark.parametrize(
        ("target", "status"),
        [(Status.FAILED, RunStatus.FAILED), (Status.CANCELLED, RunStatus.CANCELLED)],
    )
    def test_without_an_image_the_status_says_why(self, alice, target, status):
        [generation] = ask(alice, num_images=1).generations.all()
        assert end(generation, target).status == status

    def test_unknown_counts_apart_and_can_still_succeed(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        run = end(running(generation), Status.UNKNOWN)
        assert (run.status, run.open, run.unknown) == (RunStatus.UNKNOWN, 0, 1)
        lifecycle.move(generation, Status.STORING)
        run.refresh_from_db()
        assert (run.status, run.open, run.unknown) == (RunStatus.PENDING, 1, 0)

    @pytest.mark.parametrize("came", [1, 4, 6])
    def test_a_sequential_set_asks_for_a_maximum(self, alice, apixo_key, came):
        run = ask(alice, "apixo/seedream-4-5", 6, sequential=True)
        run = end(storing(run.generations.get(), came))
        assert (run.status, run.wanted, run.missing) == (RunStatus.SUCCEEDED, came, 0)

    def test_a_set_lowers_what_the_run_wants_by_what_it_lacks_itself(self, alice, apixo_key):
        run = ask(alice, "apixo/seedream-4-5", 6, sequential=True)
        Run.objects.filter(pk=run.pk).update(wanted=9)  # three more are wanted of another request
        run = end(storing(run.generations.get(), 4))
        assert (run.wanted, run.delivered) == (7, 4)


@pytest.mark.django_db
class TestCredits:
    def test_what_was_delivered_is_charged_and_the_rest_released(self, alice, apixo_key):
        generation = ask(alice, "apixo/seedream-4-5", 4).generations.get()
        price = generation.price.credits
        assert ledger.balance(alice).reserved == 4 * price
        end(storing(generation, 3))
        balance = ledger.balance(alice)
        assert (balance.reserved, balance.spent) == (0, 3 * price)

    def test_more_than_wanted_is_charged_as_wanted(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        end(storing(generation, 3))
        assert ledger.balance(alice).spent == generation.price.credits

    def test_unknown_keeps_the_reservation(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        end(running(generation), Status.UNKNOWN)
        assert ledger.balance(alice).reserved == generation.price.credits

    def test_a_move_whose_credits_cannot_be_settled_does_not_happen(self, alice, monkeypatch):
        [generation] = ask(alice, num_images=1).generations.all()

        def broken(*args, **kwargs):
            raise AccountsError("the books are closed")

        monkeypatch.setattr(ledger, "settle", broken)
        with pytest.raises(AccountsError):
            lifecycle.move(generation, Status.CANCELLED)
        assert Generation.objects.get(pk=generation.pk).status == Status.QUEUED
        assert Run.objects.get(pk=generation.run_id).open == 1
        assert not Record.objects.filter(event=Event.GENERATION_CANCELLED).exists()


@pytest.mark.django_db
class TestRecordsAndTags:
    def test_every_move_is_a_record_of_the_runs_story(self, alice):
        [generation] = ask(alice, num_images=1).generations.all()
        end(storing(generation, 1))
        story = Record.objects.filter(story=generation.run.uuid).order_by("id")
        assert [record.event for record in story] == [
            Event.RUN_SUBMITTED,
            Event.GENERATION_SUBMITTING,
            Event.GENERATION_RUNNING,
            Event.GENERATION_STORING,
            Event.GENERATION_SUCCEEDED,
        ]
        last = story.last()
        assert (last.subject_kind, last.subject_id) == ("generation", generation.uuid)
        assert last.facts == {
            "from": "storing",
            "to": "succeeded",
            "attempt": generation.attempt,
            "engine": generation.run.engine,
            "credits_spent": generation.price.credits,
            "credits_released": 0,
            "delivered": 1,
            "entries": [Entry.objects.get(kind=Entry.Kind.SETTLE).digest],
            "story": str(generation.run.uuid),
        }

    def test_who_ended_it_is_on_the_record_and_on_the_entries(self, alice, bob):
        [generation] = ask(alice, num_images=1).generations.all()
        lifecycle.move(generation, Status.CANCELLED, actor=bob, facts={"why": "a test"})
        record = Record.objects.get(event=Event.GENERATION_CANCELLED)
        assert (record.actor, record.facts["why"]) == (bob, "a test")
        assert Entry.objects.get(kind=Entry.Kind.RELEASE).actor == bob

    def test_a_visible_change_renews_the_persons_tag_on_commit(
        self, alice, bob, django_capture_on_commit_callbacks
    ):
        [generation] = ask(alice, num_images=1).generations.all()
        mine, others = live.tag(alice.pk), live.tag(bob.pk)
        with django_capture_on_commit_callbacks(execute=True):
            lifecycle.move(generation, Status.CANCELLED)
        assert live.tag(alice.pk) != mine
        assert live.tag(bob.pk) == others


@pytest.mark.django_db
class TestWhoIsTold:
    def finish(self, alice, *, minutes, actor=None):
        """Alice's run of two images from `minutes` ago ends; gives her notices after each."""
        run = ask(alice, num_images=2)
        Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=minutes))
        told = []
        for generation in run.generations.all():
            lifecycle.move(submitting(generation), Status.FAILED, actor=actor)
            told.append(PersonalNotice.objects.filter(user=alice).count())
        return told

    def test_the_author_of_a_long_run_once_at_its_end(self, alice):
        assert self.finish(alice, minutes=5) == [0, 1]
        notice = PersonalNotice.objects.get()
        assert (notice.kind, notice.facts) == ("run:ended", {"images": 0, "minutes": 5})

    def test_of_a_run_only_by_its_own_end(self, alice):
        assert self.finish(alice, minutes=1) == [0, 0]
        assert self.finish(alice, minutes=5) == [0, 1]

    def test_nobody_of_a_short_run_or_of_ones_own_cancellation(self, alice):
        assert self.finish(alice, minutes=1) == [0, 0]
        assert self.finish(alice, minutes=5, actor=alice) == [0, 0]

    def test_the_author_of_a_decision_by_somebody_else(self, alice, admin):
        [generation] = ask(alice, num_images=1).generations.all()
        lifecycle.move(submitting(generation), Status.UNKNOWN)
        decisions.release(generation, actor=admin, reason="lost twice")
        notice = PersonalNotice.objects.get(kind="outcome:decided")
        assert notice.facts == {"decision": "release"}
