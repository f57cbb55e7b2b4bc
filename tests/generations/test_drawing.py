"""Images are drawn once and kept, and no page ever shows an outdated one."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from accounts import sessions
from generations import live, submission
from generations.models import Generation, Image, Run
from generations.reading import drawing, feed, gallery
from generations.reading.log import rows
from generations.states import Status
from tests.generations.asking import ask
from tests.generations.factories import make_finished_run, make_generation, make_image, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept():
    drawing._kept.cache_clear()
    gallery._drawn_card.cache_clear()
    rows._drawn.cache_clear()


def draws(act, kept=drawing._kept) -> int:
    """How many drawings `act` makes, without those that were kept."""
    before = kept.cache_info().misses
    act()
    return kept.cache_info().misses - before


def page(client, url="/") -> str:
    return client.get(url).content.decode()


def shown(client, image: Image, url="/") -> bool:
    return f"image-{image.uuid}" in page(client, url)


class TestOnce:
    def test_a_finished_run_is_drawn_once_for_the_whole_team(self, alice, bob, sign_in):
        make_finished_run(alice, images=3)
        first, second = sign_in(alice), sign_in(bob)
        assert draws(lambda: page(first)) == 1
        assert draws(lambda: (page(first), page(second), page(second, "/?scope=team"))) == 0

    def test_an_image_of_the_gallery_is_drawn_once(self, alice, bob, sign_in):
        make_finished_run(alice, images=3)
        first, second = sign_in(alice), sign_in(bob)
        cards = gallery._drawn_card
        assert draws(lambda: page(first, "/gallery/"), cards) == 3
        again = lambda: (page(first, "/gallery/"), page(second, "/gallery/?q="))  # noqa: E731
        assert draws(again, cards) == 0

    def test_a_line_of_the_log_is_drawn_once_until_it_says_something_else(
        self, alice, reviewer, sign_in
    ):
        run = ask(alice, num_images=1)
        client, lines = sign_in(reviewer), rows._drawn
        for _ in range(2):  # that the reviewer has seen the prompt is a line of the second page
            page(client, "/log/")
        assert draws(lambda: page(client, "/log/?from=2020-01-01"), lines) == 0
        submission.cancel(run.generations.get(), actor=alice)
        assert draws(lambda: page(client, "/log/"), lines) == 1

    def test_the_images_of_a_run_on_its_way_are_drawn_one_by_one(self, alice, sign_in):
        run = make_run(alice, wanted=2, open=1, delivered=1)
        generation = make_generation(run, Status.STORING, wanted=2, delivered=1)
        image = make_image(generation, files=False)
        client = sign_in(alice)
        assert draws(lambda: page(client)) == 1
        assert draws(lambda: page(client)) == 0
        assert shown(client, image)
        assert "1 of 2 received" in page(client)

    def test_more_images_than_a_drawing_may_hold_are_not_kept(self, alice, monkeypatch):
        monkeypatch.setattr(drawing, "MOST_IMAGES", 2)
        run = make_finished_run(alice, images=3)
        assert draws(lambda: feed.cards([run], viewer=alice)) == 0
        [card] = feed.cards([run], viewer=alice)
        assert card.images.count("<li") == 3

    def test_a_drawing_is_made_anew_after_an_hour(self, alice, monkeypatch):
        run = make_finished_run(alice)
        assert draws(lambda: feed.cards([run], viewer=alice)) == 1
        later = drawing.time.monotonic() + drawing.KEPT_SECONDS
        monkeypatch.setattr(drawing.time, "monotonic", lambda: later)
        assert draws(lambda: feed.cards([run], viewer=alice)) == 1

    def test_another_template_draws_anew(self, alice, monkeypatch):
        run = make_finished_run(alice)
        feed.cards([run], viewer=alice)
        monkeypatch.setattr(drawing, "version", lambda: "another")
        assert draws(lambda: feed.cards([run], viewer=alice)) == 1

    def test_another_language_draws_anew(self, alice):
        run = make_finished_run(alice)
        feed.cards([run], viewer=alice)
        with translation.override("de"):
            assert draws(lambda: feed.cards([run], viewer=alice)) == 1


class TestNeverOutOfDate:
    @pytest.mark.parametrize("url", ["/", "/gallery/"])
    def test_an_image_that_was_hidden_is_gone_at_once(self, alice, sign_in, url):
        run = make_finished_run(alice, images=2)
        first, second = run.images.all()
        client = sign_in(alice)
        assert shown(client, first, url)
        Image.objects.filter(pk=first.pk).update(hidden_at=timezone.now())
        assert not shown(client, first, url)
        assert shown(client, second, url)

    def test_an_image_that_comes_late_is_there_at_once(self, alice, sign_in):
        run = make_finished_run(alice)
        client = sign_in(alice)
        page(client)
        late = make_generation(run, Status.SUCCEEDED, position=1, wanted=1, delivered=1)
        image = make_image(late, files=False)
        Run.objects.filter(pk=run.pk).update(wanted=2, delivered=2)
        assert shown(client, image)

    def test_a_run_that_is_tried_again_shows_what_is_on_its_way(self, alice, sign_in):
        run = make_finished_run(alice)
        client = sign_in(alice)
        page(client)
        make_generation(run, Status.RUNNING, position=1, wanted=1)
        Run.objects.filter(pk=run.pk).update(wanted=2, open=1)
        assert "Generating" in page(client)

    def test_a_run_that_lacks_an_image_says_so_although_it_counts_as_complete(self, alice):
        run = make_run(alice, wanted=2, delivered=2)
        first = make_generation(run, Status.FAILED, wanted=2, delivered=0, error_code="timeout")
        late = make_generation(run, Status.SUCCEEDED, position=4, wanted=2, delivered=2)
        for index in range(2):
            make_image(late, index, files=False)
        [card] = feed.cards([run], viewer=alice)
        assert [frame.state for frame in card.frames] == ["failed", "done", "done"]
        assert first.wanted == card.frames[0].images

    def test_the_time_since_a_run_is_not_kept(self, alice, sign_in):
        run = make_finished_run(alice)
        client = sign_in(alice)
        assert "just now" in page(client)
        hour = dt.timedelta(hours=1)
        Run.objects.filter(pk=run.pk).update(created_at=run.created_at - hour)
        assert "1 h ago" in page(client)
        assert "just now" not in page(client)

    def test_the_date_is_that_of_the_viewers_time_zone(self, alice, sign_in):
        run = make_finished_run(alice)
        client = sign_in(alice)
        page(client)
        at = dt.datetime(2024, 3, 9, 23, tzinfo=dt.UTC)
        Run.objects.filter(pk=run.pk).update(created_at=at)
        assert "9 Mar 2024" in page(client)
        alice.team.time_zone = "Asia/Tokyo"
        alice.team.save()
        assert "10 Mar 2024" in page(client)

    def test_a_changed_name_is_shown_at_once(self, alice, sign_in):
        make_finished_run(alice)
        client = sign_in(alice)
        page(client)
        alice.name = "Alice Renamed"
        alice.save()
        assert 'title="Alice Renamed"' in page(client)

    def test_someone_who_has_left_keeps_images_and_sees_none(self, alice, bob, sign_in):
        run = make_finished_run(bob)
        gone, stays = sign_in(bob), sign_in(alice)
        image = run.images.get()
        assert shown(gone, image)
        bob.is_active = False
        bob.save()
        sessions.end_all(bob)
        assert gone.get("/").status_code == 302
        assert shown(stays, image)

    def test_another_team_does_not_see_what_was_drawn(self, alice, charlie, sign_in):
        image = make_finished_run(alice).images.get()
        assert shown(sign_in(alice), image)
        for url in ("/", "/gallery/"):
            assert not shown(sign_in(charlie), image, url)


class TestWhatIsPressed:
    @pytest.fixture
    def partial(self, alice):
        """A run of Alice's that lacks one of two images."""
        run = make_run(alice, wanted=2, delivered=1)
        generation = make_generation(
            run, Status.FAILED, wanted=2, delivered=1, error_code="timeout"
        )
        make_image(generation, files=False)
        return run

    def test_only_the_owner_may_try_again_whoever_looked_first(self, alice, bob, partial, sign_in):
        path = reverse("run-try-again", args=[partial.uuid])
        mate, owner = sign_in(bob), sign_in(alice)
        assert [path in page(each) for each in (mate, owner, mate)] == [False, True, False]

    def test_nothing_is_offered_at_an_engine_that_is_no_longer_there(
        self, alice, partial, sign_in, settings
    ):
        path = reverse("run-try-again", args=[partial.uuid])
        client = sign_in(alice)
        assert path in page(client)
        settings.DEMO = False
        assert path not in page(client)

    def test_what_is_kept_has_no_button_and_no_token(self, alice):
        run = make_finished_run(alice)
        [card] = feed.cards([run], viewer=alice)
        for word in ("<button", "<form", "hx-post", "csrf", "ago", "credit"):
            assert word not in card.images


def test_pages_are_drawn_while_the_cache_is_away(alice, sign_in, cable):
    image = make_finished_run(alice).images.get()
    client = sign_in(alice)
    cable.cut()
    assert shown(client, image)
    assert shown(client, image, "/gallery/")
    Image.objects.update(hidden_at=timezone.now())
    assert not shown(client, image)


def test_a_poll_after_a_change_shows_the_change(alice, sign_in):
    run = make_finished_run(alice, images=2)
    client = sign_in(alice)
    tag = client.get(reverse("live"))["HX-PTag"]
    image = run.images.first()
    Image.objects.filter(pk=image.pk).update(hidden_at=timezone.now())
    live._renew(alice.pk)
    answer = client.get(reverse("live"), headers={"HX-Request": "true", "HX-PTag": tag})
    assert answer.status_code == 200
    assert f"image-{image.uuid}" not in answer.content.decode()
    assert Generation.objects.filter(run=run).count() == 1
