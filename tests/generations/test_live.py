"""Polls need no database while nothing has changed, and never show another person's view."""

import re

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts import sessions
from generations import live, submission
from generations.views import live as live_answers
from tests.factories import PASSWORD, make_user
from tests.generations.asking import ask
from tests.generations.factories import make_finished_run, make_pending_run

pytestmark = pytest.mark.django_db
URL = "/live/?scope=team&since="


def poll(client, tag="", url=URL):
    return client.get(url, headers={"HX-Request": "true", "HX-PTag": tag})


@pytest.fixture
def tab(alice, sign_in):
    """A browser of Alice's, who has an open run."""
    make_pending_run(alice)
    return sign_in(alice)


class TestUnchanged:
    def test_is_304_without_a_query(self, tab, django_assert_num_queries):
        tag = poll(tab)["HX-PTag"]
        with django_assert_num_queries(0):
            response = poll(tab, tag)
        assert response.status_code == 304
        assert response.content == b""
        assert response["HX-PTag"] == tag

    def test_what_was_drawn_comes_from_the_cache_without_a_query(
        self, tab, django_assert_num_queries
    ):
        drawn = poll(tab)
        with django_assert_num_queries(0):
            again = poll(tab, "of-an-older-page")
        assert (again.status_code, again.content) == (200, drawn.content)
        assert again["HX-PTag"] == drawn["HX-PTag"]

    def test_no_browser_may_keep_an_answer(self, tab):
        first = poll(tab)
        for response in (first, poll(tab), poll(tab, first["HX-PTag"])):
            assert response["Cache-Control"] == "no-store, private"
            assert "ETag" not in response

    def test_the_page_carries_the_tag_that_the_first_poll_sends(self, tab):
        page = tab.get("/").content.decode()
        tag = re.search(r'hx-ptag="([^"]+)"', page)[1]
        assert poll(tab, tag).status_code == 304


class TestChanged:
    def test_a_change_draws_anew(self, tab, alice, django_capture_on_commit_callbacks):
        tag = poll(tab)["HX-PTag"]
        with django_capture_on_commit_callbacks(execute=True):
            make_pending_run(alice)
            live.bump(alice.pk)
        response = poll(tab, tag)
        assert response.status_code == 200
        assert response["HX-PTag"] != tag

    def test_what_is_drawn_anew_and_looks_the_same_is_304(
        self, tab, alice, django_capture_on_commit_callbacks, django_assert_num_queries
    ):
        tag = poll(tab)["HX-PTag"]
        with django_capture_on_commit_callbacks(execute=True):
            live.bump(alice.pk)
        response = poll(tab, tag)
        assert (response.status_code, response.content) == (304, b"")
        assert response["HX-PTag"] != tag
        with django_assert_num_queries(0):
            assert poll(tab, response["HX-PTag"]).status_code == 304

    def test_brings_frames_and_credits(self, tab, alice):
        run = ask(alice, num_images=2)
        text = poll(tab).content.decode()
        assert f'id="run-{run.uuid}" data-status="pending"' in text
        assert 'hx-target="#credits-card"' in text
        assert "4 reserved" in text

    def test_polling_goes_on_while_a_request_is_open(self, tab):
        text = poll(tab).content.decode()
        assert 'hx-trigger="every 2s"' in text
        assert 'hx-swap="outerMorph"' in text

    def test_polling_stops_when_no_request_is_open(self, alice, sign_in):
        make_finished_run(alice)
        text = poll(sign_in(alice)).content.decode()
        assert 'id="live"' in text
        section = text[: text.index("<article")]
        assert "hx-" not in section

    def test_a_lost_tag_is_replaced(self, tab, alice):
        tag = poll(tab)["HX-PTag"]
        cache.delete(sessions.live_key(alice.pk))
        replaced = poll(tab, tag)["HX-PTag"]
        assert replaced.partition(".")[0] != tag.partition(".")[0]

    def test_is_drawn_from_the_rows_while_the_cache_is_away(self, tab, alice, cable):
        tag = poll(tab)["HX-PTag"]
        cable.cut()
        run = make_pending_run(alice)
        answer = poll(tab, tag)
        assert str(run.uuid) in answer.content.decode()
        assert poll(tab, answer["HX-PTag"]).status_code == 304

    def test_holds_no_token(self, tab):
        text = poll(tab).content.decode()
        assert "csrf" not in text
        assert 'form="act"' in text

    def test_another_part_of_the_feed_is_another_answer(self, tab, bob):
        run = make_finished_run(bob)
        assert str(run.uuid) in poll(tab).content.decode()
        assert str(run.uuid) not in poll(tab, url="/live/?scope=mine&since=").content.decode()


class TestWhoAsks:
    def test_an_anonymous_visitor_is_sent_to_sign_in(self, client):
        response = poll(client)
        assert response.status_code == 302
        assert reverse("account_login") in response["Location"]

    def test_two_people_share_nothing(self, tab, charlie, sign_in, alice):
        tag = poll(tab)["HX-PTag"]
        stranger = poll(sign_in(charlie), tag)
        assert stranger.status_code == 200
        assert "run-" not in stranger.content.decode()

    def test_a_session_that_was_ended_gets_nothing_from_the_cache(
        self, tab, alice, django_capture_on_commit_callbacks
    ):
        tag = poll(tab)["HX-PTag"]
        with django_capture_on_commit_callbacks(execute=True):
            sessions.end_all(alice)
        for sent in (tag, ""):
            assert poll(tab, sent).status_code == 302

    @pytest.mark.parametrize("sent", ["its tag", "another"])
    def test_a_session_ended_while_the_cache_is_away_stays_ended(
        self, tab, alice, cable, sent, django_capture_on_commit_callbacks
    ):
        tag = poll(tab)["HX-PTag"] if sent == "its tag" else sent
        cable.cut()
        with django_capture_on_commit_callbacks(execute=True):
            sessions.end_all(alice)
        assert poll(tab, tag).status_code == 302
        cable.mend()
        assert poll(tab, tag).status_code == 302

    def test_a_session_of_an_older_password_gets_nothing_from_the_cache(self, tab, alice):
        poll(tab)
        alice.set_password("another long password")
        alice.save()
        # The cache still holds the session and the fragment drawn under its old hash.
        cache.delete(sessions.live_key(alice.pk))
        assert poll(tab).status_code == 302

    def test_one_session_does_not_see_what_was_drawn_under_anothers_hash(
        self, tab, alice, rf, monkeypatch
    ):
        poll(tab)
        request = rf.get(URL)
        request.session = tab.session
        assert live_answers.known_answer(request) is not None
        monkeypatch.setattr(sessions, "viewer", lambda request: (alice.pk, "of another number"))
        assert live_answers.known_answer(request) is None

    def test_a_person_who_is_no_longer_active_gets_nothing(self, tab, alice):
        poll(tab)
        alice.is_active = False
        alice.save()
        cache.delete(sessions.live_key(alice.pk))
        assert poll(tab).status_code == 302


def test_a_poll_shows_that_a_run_was_cancelled(alice, sign_in):
    tab = sign_in(alice)
    run = ask(alice, num_images=1)
    assert 'data-status="pending"' in poll(tab).content.decode()
    submission.cancel(run.generations.get(), actor=alice)
    cache.delete(sessions.live_key(alice.pk))  # instead of the bump on commit
    text = poll(tab).content.decode()
    assert 'data-status="cancelled"' in text
    assert "Your 2 credits are back." in text


def test_a_sign_in_lets_polls_be_answered_from_the_cache(alice, client):
    """Signing in by any code path does so, not only by the sign-in page."""
    person = make_user(team=alice.team)
    client.login(username=person.email, password=PASSWORD)
    make_pending_run(person)
    tag = poll(client)["HX-PTag"]
    assert poll(client, tag).status_code == 304
