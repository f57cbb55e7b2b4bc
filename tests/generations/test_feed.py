"""The feed: every frame of a run at its position, its texts, and a constant number of queries."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import ledger
from generations import submission
from generations.jobs import lifecycle
from generations.models import Delivery, Generation, Image, Run
from generations.reading import feed, waits
from generations.reading.feed import Scope
from generations.reading.frames import alt_text, shortened
from generations.states import Status
from tests.factories import make_user
from tests.generations.asking import APIXO, ask
from tests.generations.factories import (
    make_finished_run,
    make_generation,
    make_image,
    make_pending_run,
    make_run,
)
from tests.queries import plans_of, queries_of

pytestmark = pytest.mark.django_db


def card(run, viewer=None):
    run.refresh_from_db()
    return feed.cards([run], viewer=viewer or run.user)[0]


def frames(run, viewer=None):
    return card(run, viewer).frames


def end(run, status, **changes):
    """End every open request of a run as a worker would."""
    for generation in run.generations.open():
        lifecycle.move(generation, Status.SUBMITTING, changes=_claim())
        lifecycle.move(generation, status, changes=changes)
    run.refresh_from_db()


def _claim():
    return {"submit_token": "0" * 32, "claimed_by": "worker", "attempt": 1}


class TestOnTheirWay:
    def test_waiting_in_line_has_a_place_and_an_estimate(self, alice, bob):
        ask(bob, num_images=1)
        (frame,) = frames(ask(alice, num_images=1))
        assert (frame.state, frame.place) == ("queued", "2nd")
        assert frame.note.startswith("in line, about ")

    def test_far_back_there_is_no_estimate(self, alice, bob, monkeypatch):
        monkeypatch.setattr(waits, "COUNTED", 1)
        ask(bob, num_images=1)
        (frame,) = frames(ask(alice, num_images=1))
        assert (frame.title, frame.note) == ("More than 1 before you", "in line; people take turns")

    def test_a_request_that_waits_to_be_sent_again_says_why(self, alice):
        run = make_run(alice, wanted=1, open=1)
        make_generation(run, attempt=2, error_code="rate_limited")
        (frame,) = frames(run)
        assert (frame.title, frame.place) == ("Waiting to try again", "")
        assert "no more requests" in frame.note

    @pytest.mark.parametrize(
        ("status", "state", "title"),
        [
            (Status.SUBMITTING, "sent", "Sending"),
            (Status.RUNNING, "sent", "Generating"),
            (Status.STORING, "saving", "Saving"),
        ],
    )
    def test_each_step_has_its_title(self, alice, status, state, title):
        (frame,) = frames(make_pending_run(alice, status))
        assert (frame.state, frame.title) == (state, title)

    def test_generating_says_how_long_it_usually_takes(self, alice):
        (frame,) = frames(make_pending_run(alice, Status.RUNNING))
        assert frame.note.startswith("usually about ")

    def test_saving_says_how_many_were_received(self, alice):
        run = make_run(alice, wanted=4, open=4, delivered=1)
        generation = make_generation(run, Status.STORING, wanted=4, delivered=1)
        make_image(generation, 2, files=False)
        Delivery.objects.create(generation=generation, index=0, status=Delivery.Status.FETCHED)
        Delivery.objects.create(generation=generation, index=1)
        first, second, picture, last = frames(run)
        assert picture.state == "done"
        assert [f.note for f in (first, second, last)] == ["2 of 4 received"] * 3
        assert (first.received, first.wanted) == (2, 4)

    def test_an_unknown_outcome_says_that_credits_stay(self, alice):
        run = make_run(alice, wanted=1, unknown=1)
        make_generation(run, Status.UNKNOWN)
        (frame,) = frames(run)
        assert frame.state == "unknown"
        assert "stay reserved" in frame.note

    def test_the_badge_sums_it_up(self, alice):
        run = make_run(alice, open=4)
        make_generation(run, Status.RUNNING, wanted=2)
        make_generation(run, position=2, wanted=2)
        assert card(run).badge == "2 generating, 2 in line"


class TestCancel:
    def test_one_button_for_each_request(self, alice):
        buttons = [frame.cancel_label for frame in frames(ask(alice, num_images=2))]
        assert buttons == ["Cancel", "Cancel"]

    def test_frames_of_one_request_go_together(self, alice, apixo_key):
        run = ask(alice, APIXO, 4)
        shown = frames(run)
        assert [frame.cancel_label for frame in shown] == ["Cancel all 4", "", "", ""]
        assert str(run.generations.get().uuid) in shown[0].cancel

    def test_none_for_others(self, alice, bob):
        assert not any(frame.cancel for frame in frames(ask(alice), viewer=bob))

    def test_none_where_the_provider_cannot(self, alice, apixo_key):
        run = make_pending_run(alice, Status.RUNNING, engine=APIXO)
        assert not frames(run)[0].cancel

    def test_a_request_that_is_being_cancelled_has_no_button(self, alice):
        run = make_pending_run(alice, Status.RUNNING)
        run.generations.update(cancel_asked_at=timezone.now())
        (frame,) = frames(run)
        assert (frame.title, frame.cancel) == ("Cancelling", "")


class TestMissing:
    def test_a_failure_says_what_happened_what_it_cost_and_what_to_do(self, alice):
        run = ask(alice, num_images=1)
        end(run, Status.FAILED, error_code="timeout")
        (frame,) = frames(run)
        assert frame.title == "The provider ran out of time."
        assert frame.cost == "Your 2 credits are back."
        assert frame.note.startswith("Try again")
        assert str(run.uuid) in frame.try_again

    def test_others_are_not_told_that_the_credits_are_theirs(self, alice, bob):
        run = ask(alice, num_images=1)
        end(run, Status.FAILED, error_code="timeout")
        (frame,) = frames(run, viewer=bob)
        assert frame.cost == "2 credits are back."
        assert not frame.try_again

    def test_the_missing_images_of_one_request_share_a_frame(self, alice, apixo_key):
        run = ask(alice, APIXO, 4)
        credits = run.generations.get().reserved_credits
        end(run, Status.FAILED, error_code="content_policy")
        (frame,) = frames(run)
        assert (frame.images, frame.count) == (4, "4 images")
        assert frame.cost == f"Your {credits} credits are back."

    def test_a_failure_that_was_charged_says_so(self, alice):
        run = ask(alice, num_images=1)
        (generation,) = run.generations.all()
        lifecycle.move(generation, Status.SUBMITTING, changes=_claim())
        lifecycle.move(generation, Status.FAILED, charge=2, changes={"error_code": "timeout"})
        assert frames(run)[0].cost == "2 credits were charged."

    def test_cancelled(self, alice):
        run = ask(alice, num_images=1)
        submission.cancel(run.generations.get(), actor=alice)
        (frame,) = frames(run)
        assert (frame.state, frame.cost) == ("cancelled", "Your 2 credits are back.")
        assert frame.try_again

    def test_offers_cost_queries_only_where_one_may_help(self, alice):
        cancelled, failed = (ask(alice, num_images=1) for _ in range(2))
        submission.cancel(cancelled.generations.get(), actor=alice)
        end(failed, Status.FAILED, error_code="timeout")
        assert queries_of(lambda: frames(cancelled)) < queries_of(lambda: frames(failed))

    def test_one_button_tries_again_for_all(self, alice):
        run = ask(alice, num_images=3)
        end(run, Status.FAILED, error_code="timeout")
        assert [bool(frame.try_again) for frame in frames(run)] == [True, False, False]

    def test_a_new_try_takes_over_the_positions(self, alice):
        run = ask(alice, num_images=2)
        end(run, Status.FAILED, error_code="timeout")
        submission.try_again(run, actor=alice)
        assert [frame.state for frame in frames(run)] == ["queued", "queued"]

    def test_a_partial_answer_names_the_image_that_did_not_come(self, alice):
        run = make_run(alice, wanted=2, delivered=1)
        generation = make_generation(run, Status.SUCCEEDED, wanted=2, delivered=1)
        make_image(generation, 0, files=False)
        Delivery.objects.create(
            generation=generation,
            index=1,
            status=Delivery.Status.FAILED,
            error_code="image_invalid",
        )
        picture, missing = frames(run)
        assert picture.state == "done"
        assert "not an image" in missing.title

    def test_a_set_with_fewer_images_has_no_missing_frame(self, alice):
        run = make_run(alice, wanted=2, delivered=2, options={"sequential": True})
        generation = make_generation(run, Status.SUCCEEDED, wanted=5, delivered=2)
        for index in range(2):
            make_image(generation, index, files=False)
        assert [frame.state for frame in frames(run)] == ["done", "done"]

    def test_an_engine_that_is_gone_offers_no_second_try(self, alice, settings):
        run = ask(alice, num_images=1)
        end(run, Status.FAILED, error_code="engine_missing")
        settings.DEMO = False
        assert not frames(run)[0].try_again


class TestImages:
    def test_frames_stand_in_the_order_of_positions(self, alice):
        run = make_run(alice, wanted=3, delivered=2, open=1)
        for position in (2, 0):
            generation = make_generation(run, Status.SUCCEEDED, position=position, delivered=1)
            make_image(generation, files=False)
        make_generation(run, position=1)
        assert [frame.state for frame in frames(run)] == ["done", "queued", "done"]

    def test_more_than_wanted_are_all_kept(self, alice):
        run = make_run(alice, wanted=1, delivered=2)
        generation = make_generation(run, Status.SUCCEEDED, wanted=1, delivered=2)
        for index in range(2):
            make_image(generation, index, files=False)
        assert [frame.state for frame in frames(run)] == ["done", "done"]

    def test_an_image_has_alternative_text_and_addresses(self, alice):
        run = make_finished_run(alice, prompt="a red fox")
        image = run.images.get()
        (frame,) = frames(run)
        assert frame.id == f"image-{image.uuid}"
        assert frame.href == f"/images/{image.uuid}/"
        assert frame.src.startswith("/files/")
        assert frame.src.endswith(".jpg")
        assert frame.alt == "Image generated with AI: a red fox"

    def test_a_hidden_image_leaves_no_gap(self, alice):
        run = make_finished_run(alice, images=2)
        Image.objects.filter(position=0).update(hidden_at=timezone.now())
        assert [frame.id for frame in frames(run)] == [f"image-{run.images.last().uuid}"]

    def test_the_shape_is_that_of_the_images(self, alice):
        assert card(make_finished_run(alice)).shape == "r32"
        assert card(make_pending_run(alice, options={"aspect_ratio": "9:16"})).shape == "r916"
        assert card(make_pending_run(alice, options={})).shape == "r11"

    def test_images_of_different_shapes_keep_their_own(self, alice):
        run = make_run(alice, wanted=3, delivered=2, open=1)
        generation = make_generation(run, Status.STORING, wanted=3, delivered=2)
        for index, size in enumerate([(240, 320), (480, 160)]):
            make_image(generation, index, size=size, files=False)
        tall, wide, _waiting = frames(run)
        assert card(run).is_mixed
        assert "frame-done r34" in tall.drawn
        assert "frame-done r219" in wide.drawn
        assert not card(make_finished_run(alice, images=2)).is_mixed

    @pytest.mark.parametrize(("images", "compared"), [(1, 0), (2, 2), (4, 4), (5, 0)])
    def test_two_to_four_images_can_be_compared_with_one_press(self, alice, images, compared):
        run = make_finished_run(alice, images=images)
        [card] = feed.cards([run], viewer=alice)
        assert card.compare.count("image=") == compared

    def test_long_prompts_are_cut_to_one_line(self):
        assert shortened("a\n b\t c", 20) == "a b c"
        assert shortened("word " * 100, 20) == "word word word word…"
        assert len(alt_text("x" * 5000)) < 200


class TestPages:
    def test_the_team_sees_one_anothers_runs_and_strangers_do_not(self, alice, bob, charlie):
        run = make_finished_run(alice)
        for viewer, seen in ((alice, 1), (bob, 1), (charlie, 0)):
            assert len(feed.live(viewer, scope=Scope.TEAM).cards) == seen
        assert feed.live(bob, scope=Scope.MINE).cards == []
        assert feed.live(alice, scope=Scope.MINE).cards[0].uuid == str(run.uuid)

    def test_older_runs_follow_without_a_gap(self, alice):
        runs = [make_finished_run(alice) for _ in range(feed.PAGE_SIZE + 3)]
        first = feed.live(alice, scope=Scope.TEAM)
        rest = feed.page(alice, scope=Scope.TEAM, cursor=first.next_cursor)
        shown = [each.uuid for each in [*first.cards, *rest.cards]]
        assert shown == [str(run.uuid) for run in reversed(runs)]
        assert rest.next_cursor == ""

    def test_a_poll_keeps_the_runs_shown_and_adds_new_ones(self, alice):
        for _ in range(feed.PAGE_SIZE + 3):
            make_finished_run(alice)
        first = feed.live(alice, scope=Scope.TEAM)
        new = make_finished_run(alice)
        then = feed.live(alice, scope=Scope.TEAM, since=first.since)
        assert [each.uuid for each in then.cards] == [
            str(new.uuid),
            *(each.uuid for each in first.cards),
        ]
        assert then.since == first.since

    def test_only_the_viewers_own_runs_are_pending(self, alice, bob):
        make_pending_run(alice)
        assert feed.live(alice, scope=Scope.TEAM).pending
        assert not feed.live(bob, scope=Scope.TEAM).pending

    def test_a_poll_brings_a_changed_run_further_down(self, alice):
        old = make_pending_run(alice)
        for _ in range(feed.PAGE_SIZE):
            make_finished_run(alice)
        first = feed.live(alice, scope=Scope.TEAM)
        assert [each.uuid for each in first.elsewhere] == [str(old.uuid)]
        Generation.objects.filter(run=old).update(
            status=Status.FAILED, ended_at=timezone.now() - timedelta(seconds=5)
        )
        Run.objects.filter(pk=old.pk).update(open=0)
        then = feed.live(alice, scope=Scope.TEAM, since=first.since)
        assert [each.status for each in then.elsewhere] == ["failed"]

    @pytest.mark.parametrize(
        ("counters", "sentence"),
        [
            ({"delivered": 1, "open": 3}, ""),
            ({"delivered": 4}, "4 images are ready."),
            ({"delivered": 1}, "1 of 4 images are ready."),
            ({"cancelled": 4}, "A run was cancelled."),
            ({"unknown": 4}, "What became of a run is unknown."),
            ({}, "A run has ended without images."),
        ],
    )
    def test_one_sentence_says_how_a_run_of_the_viewer_ended(self, alice, bob, counters, sentence):
        run = make_run(alice, wanted=4, **counters)
        assert card(run).ended == sentence
        assert card(run, bob).ended == ""

    def test_a_poll_brings_new_runs_of_the_viewer_and_not_of_others(self, alice, bob):
        make_finished_run(bob)
        first = feed.live(alice, scope=Scope.TEAM)
        make_finished_run(bob)
        own = make_finished_run(alice)
        then = feed.live(alice, scope=Scope.TEAM, since=first.since, until=first.until)
        shown = [each.uuid for each in first.cards]
        assert [each.uuid for each in then.cards] == [str(own.uuid), *shown]
        assert (then.since, then.until) == (first.since, first.until)

    @pytest.mark.parametrize("until", ["", "no-uuid", "0" * 32])
    def test_without_a_newest_run_a_poll_brings_all(self, alice, bob, until):
        first = feed.live(alice, scope=Scope.TEAM, since=str(make_finished_run(bob).uuid))
        new = make_finished_run(bob)
        then = feed.live(alice, scope=Scope.TEAM, since=first.since, until=until)
        assert [then.cards[0].uuid, then.until] == [str(new.uuid)] * 2

    def test_an_unknown_scope_means_the_team(self):
        assert feed.scope_of("everything") == feed.scope_of("") == Scope.TEAM
        assert feed.scope_of("mine") == Scope.MINE

    @pytest.mark.parametrize("scope", list(Scope))
    def test_twenty_runs_need_no_more_queries_than_two(self, alice, bob, scope, monkeypatch):
        monkeypatch.setattr(feed, "PAGE_SIZE", 40)

        def one_of_each():
            make_finished_run(alice, images=2)
            make_pending_run(alice)
            make_pending_run(bob, Status.RUNNING)
            failed = make_run(alice, wanted=1)
            make_generation(failed, Status.FAILED, error_code="timeout")

        one_of_each()
        few = queries_of(lambda: feed.live(alice, scope=scope))
        for _ in range(5):
            one_of_each()
        assert queries_of(lambda: feed.live(alice, scope=scope)) == few

    def test_deliveries_are_read_only_if_there_may_be_some(self, alice):
        sent, answered = (make_pending_run(alice, s) for s in (Status.RUNNING, Status.STORING))
        assert queries_of(lambda: frames(sent)) == queries_of(lambda: frames(answered)) - 1


class TestNews:
    def news(self, alice, until):
        return feed.news(alice, until=str(until.uuid)).text

    def test_of_one_person(self, alice, bob):
        known = make_finished_run(alice)
        make_finished_run(bob, images=2)
        make_finished_run(bob)
        make_finished_run(alice)
        make_pending_run(bob)
        assert self.news(alice, known) == "3 new images from Bob Brown"
        assert self.news(bob, known) == "1 new image from Alice Adams"

    def test_of_several_people(self, alice, bob, reviewer):
        known = make_finished_run(alice)
        make_finished_run(bob, images=2)
        make_finished_run(reviewer)
        assert self.news(alice, known) == "3 new images from 2 people"

    def test_none_if_nothing_came_or_the_page_is_unknown(self, alice, bob):
        stranger = make_user()
        known = make_finished_run(bob)
        make_finished_run(stranger)
        assert self.news(alice, known) == ""
        assert [feed.news(alice, until=each).text for each in ("", "x", "0" * 32)] == [""] * 3
        assert self.news(alice, make_finished_run(stranger)) == ""

    def test_reads_no_more_rows_than_it_counts(self, alice, bob, monkeypatch):
        known = make_finished_run(bob)
        for _ in range(4):
            make_finished_run(bob)
        monkeypatch.setattr(feed, "NEWS_MOST", 2)
        assert self.news(alice, known) == "2 new images from Bob Brown"


class TestLate:
    def note(self, alice, seconds):
        run = make_pending_run(alice, Status.RUNNING)
        sent = timezone.now() - timedelta(seconds=seconds)
        Generation.objects.filter(run=run).update(submitted_at=sent)
        (frame,) = frames(run)
        return frame.title

    def test_after_twice_the_usual_time_the_frame_says_so(self, alice, monkeypatch):
        monkeypatch.setattr(waits, "typical_seconds", lambda run, pace: 30.0)
        assert self.note(alice, 55) == "Generating"
        assert self.note(alice, 65) == "Taking longer than usual"

    def test_a_fast_engine_is_not_late_after_seconds(self, alice, monkeypatch):
        monkeypatch.setattr(waits, "typical_seconds", lambda run, pace: 2.0)
        assert self.note(alice, 10) == "Generating"

    def test_without_a_usual_time_nothing_is_late(self, alice, monkeypatch):
        monkeypatch.setattr(waits, "typical_seconds", lambda run, pace: None)
        assert self.note(alice, 5000) == "Generating"


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "just now"), (5, "5 min ago"), (125, "2 h ago")]
)
def test_how_long_ago(alice, minutes, words):
    now = timezone.now()
    assert feed.ago(now - timedelta(minutes=minutes), now=now, user=alice) == words


def test_longer_ago_is_a_day_in_the_teams_own_time(alice):
    alice.team.time_zone = "Pacific/Auckland"
    now = timezone.now().replace(year=2026, month=11, day=21)
    moment = now.replace(month=3, day=1, hour=23, minute=0)
    assert feed.ago(moment, now=now, user=alice) == "2 Mar"


def test_the_ledger_adds_up_after_a_failure(alice):
    run = ask(alice, num_images=2)
    end(run, Status.FAILED, error_code="timeout")
    assert ledger.reconcile() == []


def test_runs_that_ended_lately_are_read_by_an_index_of_the_persons_ends(alice):
    make_finished_run(alice)
    (plan,) = plans_of(lambda: feed._ended_lately(alice), "generations_generation")
    assert "generation_ended_by_user" in plan
