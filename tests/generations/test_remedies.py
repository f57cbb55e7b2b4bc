"""Remedies, which ask for missing images in another way: which are offered, and what they make."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.errors import InsufficientCredits
from accounts.events import Event
from accounts.groups import REVIEWERS
from accounts.models import Record
from generations import submission
from generations.jobs import lifecycle
from generations.jobs.execution.requests import request_of
from generations.models import Campaign, Delivery, Generation, Price, Run
from generations.providers.advice import ADVICE, Remedy
from generations.providers.capabilities import CustomSize, NumberRange
from generations.providers.errors import Code
from generations.reading import feed
from generations.states import Status
from generations.submission import SubmissionRefused
from tests.factories import make_user
from tests.generations.asking import APIXO, DEMO, ask
from tests.generations.factories import (
    make_generation,
    make_image,
    make_reference,
    make_run,
)
from tests.generations.stub import STUB, set_up_stub
from tests.queries import queries_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def failed(user, code="timeout", *args, **more):
    """A run whose requests have all failed."""
    run = ask(user, *args, **more)
    for generation in run.generations.all():
        claim = {"submit_token": uuid.uuid4(), "claimed_by": "worker"}
        lifecycle.move(generation, Status.SUBMITTING, changes=claim)
        lifecycle.move(generation, Status.FAILED, changes={"error_code": code})
    run.refresh_from_db()
    return run


def frames(run, viewer=None):
    run.refresh_from_db()
    return feed.cards([run], viewer=viewer or run.user)[0].frames


def buttons(run, viewer=None):
    return [[each.label for each in frame.remedies] for frame in frames(run, viewer)]


def press(client, run, name, headers=HTMX):
    return client.post(reverse("run-remedy", args=[run.uuid, name]), headers=headers)


@pytest.fixture
def tab(alice, sign_in):
    return sign_in(alice)


class TestOffered:
    def test_a_lower_tier_with_its_price(self, alice):
        assert buttons(failed(alice, "timeout", num_images=1, resolution="4K")) == [
            ["Try at 2K · 2 credits"]
        ]

    def test_without_the_references(self, alice):
        run = failed(alice, "reference_rejected", num_images=1, references=[make_reference(alice)])
        assert buttons(run) == [["Try without references · 2 credits"]]

    def test_fewer_at_a_time(self, alice, apixo_key):
        assert buttons(failed(alice, "provider_error", APIXO, 4)) == [
            ["2 images at a time · 16 credits"]
        ]

    def test_at_most_two_of_them(self, alice, apixo_key, settings):
        settings.SERVED_OVER_HTTPS = True
        references = [make_reference(alice)]
        run = failed(alice, "timeout", APIXO, 4, resolution="4K", references=references)
        assert buttons(run) == [["Try at 2K · 16 credits", "2 images at a time · 16 credits"]]

    def test_edit_prompt_is_a_link_to_the_composer(self, alice):
        (frame,) = frames(run := failed(alice, "content_policy", num_images=1))
        (edit,) = frame.remedies
        assert (edit.label, edit.href, edit.path) == ("Edit prompt", f"/?reuse={run.uuid}", "")

    def test_a_remedy_for_all_missing_images_is_shown_once(self, alice):
        assert buttons(failed(alice, "timeout", num_images=2, resolution="4K")) == [
            ["Try at 2K · 4 credits"],
            [],
        ]

    @pytest.mark.parametrize(
        ("code", "asked"),
        [
            # The lowest tier, one image, no reference.
            ("timeout", {"resolution": "2K", "num_images": 1}),
            ("provider_error", {"num_images": 4}),  # each request asked for one image
            ("reference_rejected", {"num_images": 1}),
            ("auth", {"num_images": 1, "resolution": "4K"}),
        ],
    )
    def test_no_remedy_that_does_not_fit(self, alice, code, asked):
        assert not any(buttons(failed(alice, code, **asked)))

    def test_a_set_is_not_split(self, alice, apixo_key):
        run = failed(alice, "provider_error", APIXO, 4, sequential=True)
        assert buttons(run) == [[]]

    def test_two_at_a_time_are_not_made_fewer(self, alice, apixo_key):
        assert buttons(failed(alice, "provider_error", APIXO, 2)) == [[]]

    def test_an_engine_that_needs_references_keeps_them(self, alice, monkeypatch, settings):
        set_up_stub(monkeypatch, settings, max_references=2, min_references=1)
        run = make_run(alice, engine=STUB, wanted=1, options={"resolution": "2K"})
        make_generation(run, Status.FAILED, error_code="reference_rejected")
        run.run_references.create(reference=make_reference(alice), position=0)
        assert buttons(run) == [[]]

    def test_not_to_others(self, alice, bob):
        for code in ("timeout", "content_policy"):
            run = failed(alice, code, num_images=1, resolution="4K")
            assert buttons(run, viewer=bob) == [[]]

    def test_not_while_something_is_open(self, alice):
        run = make_run(alice, wanted=2, open=1, options={"resolution": "4K", "aspect_ratio": "1:1"})
        make_generation(run, Status.FAILED, error_code="timeout")
        make_generation(run, position=1)
        assert buttons(run) == [[], []]

    def test_not_without_a_price(self, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        Price.objects.filter(engine=DEMO, tier="2K").delete()
        assert buttons(run) == [[]]

    def test_not_twice(self, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        assert buttons(run) == [[]]

    def test_not_for_what_was_cancelled(self, alice):
        run = ask(alice, num_images=1, resolution="4K")
        submission.cancel(run.generations.get(), actor=alice)
        assert buttons(run) == [[]]

    def test_twenty_runs_need_no_more_queries_than_two(self, alice):
        def cards_of(count):
            runs = list(Run.objects.filter(user=alice).select_related("user")[:count])
            return queries_of(lambda: feed.cards(runs, viewer=alice))

        for _ in range(20):
            failed(alice, "timeout", num_images=1, resolution="4K")
        assert cards_of(20) == cards_of(2)


class TestLowerResolution:
    def lower(self, user, monkeypatch, settings, **asked):
        sizes = {
            "1K": {"1:1": (1024, 1024), "3:2": (1248, 832)},
            "2K": {"1:1": (2048, 2048), "3:2": (2496, 1664)},
            "4K": {"1:1": (4096, 4096)},
        }
        custom = CustomSize(512, 4096)
        set_up_stub(monkeypatch, settings, sizes=sizes, custom_size=custom)
        run = failed(user, "image_too_large", STUB, 1, **asked)
        offered = submission.offers([run], user=user)[run.pk]
        if Remedy.LOWER_RESOLUTION not in offered:
            return None
        return submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=user).options

    @pytest.mark.parametrize(
        ("asked", "resolution", "ratio"),
        [
            ({"resolution": "4K", "aspect_ratio": "1:1"}, "2K", "1:1"),
            ({"resolution": "2K", "aspect_ratio": "3:2"}, "1K", "3:2"),
            ({"resolution": "custom", "width": 3000, "height": 2000}, "2K", "3:2"),
        ],
    )
    def test_is_the_next_tier_in_the_same_format(
        self, alice, monkeypatch, settings, asked, resolution, ratio
    ):
        options = self.lower(alice, monkeypatch, settings, **asked)
        assert (options["resolution"], options["aspect_ratio"]) == (resolution, ratio)
        assert not {"width", "height"} & options.keys()

    @pytest.mark.parametrize(
        "asked",
        [
            {"resolution": "1K", "aspect_ratio": "1:1"},
            {"resolution": "custom", "width": 512, "height": 512},
            {"resolution": "custom", "width": 4000, "height": 1000},  # no tier has this format
        ],
    )
    def test_is_not_offered_if_no_tier_fits(self, alice, monkeypatch, settings, asked):
        assert self.lower(alice, monkeypatch, settings, **asked) is None


class TestPressed:
    def test_makes_a_new_run_for_the_missing_images(self, alice):
        campaign = Campaign.objects.create(team=alice.team, name="Autumn", created_by=alice)
        reference = make_reference(alice)
        run = make_run(
            alice,
            wanted=3,
            delivered=1,
            prompt="a red fox",
            campaign=campaign,
            options={"resolution": "4K", "aspect_ratio": "1:1", "negative_prompt": "fog"},
        )
        run.run_references.create(reference=reference, position=0)
        make_image(make_generation(run, Status.SUCCEEDED, delivered=1), files=False)
        for position in (1, 2):
            make_generation(run, Status.FAILED, position=position, error_code="timeout")
        made = submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        assert (made.prompt, made.wanted, made.campaign) == ("a red fox", 2, campaign)
        assert made.options == run.options | {"resolution": "2K"}
        assert [row.reference for row in made.run_references.all()] == [reference]
        assert ledger.balance(alice).reserved == 4

    def test_the_price_on_the_button_is_what_is_reserved(self, alice):
        run = failed(alice, "timeout", num_images=3, resolution="4K")
        offer = submission.offers([run], user=alice)[run.pk][Remedy.LOWER_RESOLUTION]
        submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        assert ledger.balance(alice).reserved == offer.credits == 6

    def test_without_references(self, alice):
        run = failed(alice, "reference_rejected", num_images=1, references=[make_reference(alice)])
        made = submission.remedy(run, Remedy.WITHOUT_REFERENCES, actor=alice)
        assert not made.run_references.exists()
        assert made.options == run.options

    def test_two_at_a_time_is_recorded_and_not_sent_to_the_provider(self, alice, apixo_key):
        run = failed(alice, "provider_error", APIXO, 4)
        made = submission.remedy(run, Remedy.FEWER_AT_A_TIME, actor=alice)
        assert [(g.position, g.wanted) for g in made.generations.all()] == [(0, 2), (2, 2)]
        record = Record.objects.get(event=Event.RUN_SUBMITTED, subject_id=made.uuid)
        assert record.facts["options"]["images_at_a_time"] == "2"
        assert not hasattr(request_of(made.generations.first()), "images_at_a_time")

    def test_trying_again_keeps_to_two_at_a_time(self, alice, apixo_key):
        run = failed(alice, "provider_error", APIXO, 4)
        made = submission.remedy(run, Remedy.FEWER_AT_A_TIME, actor=alice)
        for generation in made.generations.all():
            submission.cancel(generation, actor=alice)
        submission.try_again(made, actor=alice)
        assert [g.wanted for g in made.generations.open()] == [2, 2]

    def test_is_recorded_as_a_run_that_says_where_it_came_from(self, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        made = submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        facts = Record.objects.get(event=Event.RUN_SUBMITTED, subject_id=made.uuid).facts
        assert (facts["remedy"], facts["of"]) == ("lower-resolution", str(run.uuid))
        assert facts["images"] == 1

    def test_seeds_continue_after_those_of_the_first_images(self, alice, monkeypatch, settings):
        set_up_stub(monkeypatch, settings, images_per_request=4, seed=NumberRange(0, 9))
        options = {"resolution": "2K", "aspect_ratio": "1:1", "seed": 8}
        run = make_run(alice, engine=STUB, wanted=4, delivered=3, options=options)
        generation = make_generation(run, Status.SUCCEEDED, wanted=4, delivered=3)
        for index in range(3):
            make_image(generation, index, files=False)
        made = submission.remedy(run, Remedy.FEWER_AT_A_TIME, actor=alice)
        assert made.options["seed"] == 1

    def test_the_second_press_gives_the_first_run(self, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        first = submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        assert submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice) == first
        assert ledger.balance(alice).reserved == 2

    def test_a_press_after_more_images_arrived_makes_another_run(self, alice):
        run = failed(alice, "timeout", num_images=2, resolution="4K")
        first = submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        Run.objects.filter(pk=run.pk).update(delivered=1)
        second = submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        assert (first.wanted, second.wanted) == (2, 1)

    @pytest.mark.parametrize("counters", [{"open": 1}, {"unknown": 1}, {"delivered": 1}])
    def test_is_refused_while_images_may_arrive_and_when_all_have(self, alice, counters):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        Run.objects.filter(pk=run.pk).update(**counters)
        with pytest.raises(SubmissionRefused):
            submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        assert Run.objects.count() == 1

    def test_what_does_not_fit_is_refused(self, alice):
        run = failed(alice, "timeout", num_images=1)
        for remedy in submission.ONE_PRESS_REMEDIES:
            with pytest.raises(SubmissionRefused, match="can't be changed"):
                submission.remedy(run, remedy, actor=alice)

    def test_not_without_credit(self, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        ledger.set_limit(alice, 1, actor=None, reason="")
        with pytest.raises(InsufficientCredits):
            submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        assert Run.objects.count() == 1
        assert ledger.reconcile() == []


class TestPage:
    def test_shows_the_new_run_in_the_feed(self, tab, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        text = press(tab, run, "lower-resolution").content.decode()
        made = Run.objects.newest().first()
        assert made != run
        assert f'id="run-{run.uuid}" data-status="failed"' in text
        assert f'id="run-{made.uuid}" data-status="pending"' in text
        assert "every 2s" in text

    def test_the_button_works_without_scripts(self, tab, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        path = reverse("run-remedy", args=[run.uuid, "lower-resolution"])
        page = tab.get("/").content.decode()
        assert f'form="act" formaction="{path}?' in page
        assert "Try at 2K · 2 credits</button>" in page
        response = press(tab, run, "lower-resolution", headers={})
        assert (response.status_code, response["Location"]) == (303, "/")
        assert Run.objects.count() == 2

    def test_shows_the_reason_of_a_refusal(self, tab, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        ledger.set_limit(alice, 1, actor=None, reason="")
        response = press(tab, run, "lower-resolution")
        assert response.status_code == 422
        assert "This needs 2 credits" in response.content.decode()

    @pytest.mark.parametrize("name", ["edit-prompt", "nonsense"])
    def test_nothing_else_can_be_pressed(self, tab, alice, name):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        assert press(tab, run, name).status_code == 404

    @pytest.mark.parametrize("who", ["bob", "charlie"])
    def test_is_only_for_the_author_of_the_run(self, request, alice, sign_in, who):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        client = sign_in(request.getfixturevalue(who))
        assert press(client, run, "lower-resolution").status_code == 404
        assert Run.objects.count() == 1

    def test_refuses_a_get(self, tab, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        path = reverse("run-remedy", args=[run.uuid, "lower-resolution"])
        assert tab.get(path).status_code == 405

    def test_needs_the_right_to_make_images(self, team, sign_in):
        reviewer = make_user(team=team, groups=[REVIEWERS])
        run = make_run(reviewer, wanted=1)
        assert press(sign_in(reviewer), run, "lower-resolution").status_code == 403


class TestSets:
    """Which images of a set failed, and which the engine never meant to make."""

    def of(self, user, *, came, failed=(), wanted=5):
        run = make_run(user, wanted=wanted, delivered=came, options={"sequential": True})
        generation = make_generation(run, Status.SUCCEEDED, wanted=wanted, delivered=came)
        for index in range(came):
            make_image(generation, index, files=False)
        for index, code in failed:
            status = Delivery.Status.FAILED
            Delivery.objects.create(
                generation=generation, index=index, status=status, error_code=code
            )
        return run

    def test_a_refused_image_is_shown_as_missing_with_its_reason(self, alice):
        run = self.of(alice, came=2, failed=[(2, "content_policy")], wanted=3)
        *came, gone = frames(run)
        assert [frame.state for frame in came] == ["done", "done"]
        assert "safety check" in gone.title

    def test_images_after_a_break_are_shown_as_missing(self, alice):
        run = self.of(alice, came=2, failed=[(2, "outcome_unknown")])
        *_came, gone = frames(run)
        assert gone.images == 3
        assert "broke off" in gone.title
        assert "reserved" not in gone.note

    def test_trying_again_sends_one_request_for_all_missing_images(self, alice, apixo_key):
        run = ask(alice, APIXO, 4, sequential=True)
        first = run.generations.get()
        end = timezone.now()
        Generation.objects.update(status=Status.SUCCEEDED, delivered=2, ended_at=end)
        Run.objects.update(open=0, delivered=2)
        for index in (0, 2):
            make_image(first, index, files=False)
        for index in (1, 3):
            status = Delivery.Status.FAILED
            Delivery.objects.create(
                generation=first, index=index, status=status, error_code="image_invalid"
            )
        run.refresh_from_db()
        submission.try_again(run, actor=alice)
        (again,) = run.generations.exclude(pk=first.pk)
        assert (again.position, again.wanted) == (3, 2)
        assert [frame.state for frame in frames(run)] == ["done", "done", "queued", "queued"]

    def test_a_set_is_one_request_even_if_a_call_makes_one_image(
        self, alice, monkeypatch, settings
    ):
        set_up_stub(monkeypatch, settings, images_per_sequence=6)
        assert ask(alice, STUB, 5, sequential=True).generations.get().wanted == 5
        assert ask(alice, STUB, 3).generations.count() == 3


@pytest.mark.parametrize("code", Code)
def test_advice_names_no_remedy_twice(code):
    remedies = ADVICE[code].remedies
    assert len(set(remedies)) == len(remedies)


@pytest.mark.django_db(transaction=True)
def test_the_same_press_at_the_same_time_is_one_run():
    user = make_user(quota=100)
    run = failed(user, "timeout", num_images=1, resolution="4K")

    def press(_):
        try:
            return submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=user).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(press, range(8)))) == 1
    assert ledger.balance(user).reserved == 2
    assert ledger.reconcile() == []
