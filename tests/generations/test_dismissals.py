"""Runs without images leave the feed: of everybody if the author says so, else of one person."""

import uuid

import pytest
from django.urls import reverse

from generations import dismissals
from generations.models import Dismissal, Run
from generations.reading import dismissed, feed
from generations.reading.feed import Scope
from tests.factories import make_user
from tests.generations.factories import make_finished_run, make_pending_run, make_run
from tests.queries import queries_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def shown(viewer, scope=Scope.TEAM):
    return [card.uuid for card in feed.live(viewer, scope=scope).cards]


def press(client, run, name="run-dismiss", **more):
    return client.post(reverse(name, args=[run.uuid]), **more)


@pytest.fixture
def failed(alice):
    return make_run(alice, wanted=1)


def test_what_the_author_dismisses_leaves_everybodys_feed(alice, bob, failed, sign_in):
    assert str(failed.uuid) in shown(bob)
    client = sign_in(alice)
    for _ in range(2):
        assert press(client, failed).status_code == 303
    assert shown(alice) == shown(bob) == shown(alice, Scope.MINE) == []
    assert Run.objects.filter(pk=failed.pk).exists()


def test_what_others_dismiss_leaves_only_their_feed(alice, bob, failed, sign_in):
    press(sign_in(bob), failed)
    assert (shown(bob), shown(alice)) == ([], [str(failed.uuid)])


def test_undo_puts_it_back_and_only_undoes_ones_own(alice, bob, failed, sign_in):
    client = sign_in(alice)
    page = client.get(press(client, failed)["Location"]).content.decode()
    assert reverse("run-restore", args=[failed.uuid]) in page
    press(sign_in(bob), failed, "run-restore")
    assert shown(bob) == []
    press(sign_in(alice), failed, "run-restore")
    assert shown(bob) == [str(failed.uuid)]


def test_the_page_offers_no_undo_of_what_was_not_dismissed(alice, bob, failed, sign_in):
    client = sign_in(bob)
    press(sign_in(alice), failed)
    for given in (failed.uuid, "nonsense", "0" * 32, ""):
        page = client.get("/", {"dismissed": given})
        assert page.status_code == 200
        assert b"/restore/" not in page.content


def test_runs_that_are_open_or_have_images_stay(alice, sign_in):
    client = sign_in(alice)
    for run in (make_pending_run(alice), make_finished_run(alice), make_run(alice, unknown=4)):
        press(client, run)
        assert press(client, run, headers=HTMX).status_code == 200
        assert feed.cards([run], viewer=alice)[0].dismiss == ""
    assert not Dismissal.objects.exists()


def test_a_dismissed_run_that_brings_an_image_after_all_is_shown(alice, bob, failed, sign_in):
    press(sign_in(alice), failed)
    Run.objects.filter(pk=failed.pk).update(open=1)
    assert shown(alice) == shown(bob) == [str(failed.uuid)]


def test_with_scripts_the_run_is_hidden_where_it_stands_and_comes_back(alice, failed, sign_in):
    client = sign_in(alice)
    gone = press(client, failed, headers=HTMX).content.decode()
    assert f'id="run-{failed.uuid}" hidden' in gone
    assert "everybody's feed" in gone
    back = press(client, failed, "run-restore", headers=HTMX).content.decode()
    assert f'id="run-{failed.uuid}" data-status="failed"' in back


def test_strangers_find_no_run(failed, sign_in):
    client = sign_in(make_user())
    assert press(client, failed).status_code == 404
    assert press(client, failed, "run-restore").status_code == 404


class TestList:
    ADDRESS = "/runs/dismissed/"

    def listed(self, client, query=""):
        page = client.get(f"{self.ADDRESS}{query}").context["page"]
        return [run.uuid for run in page.runs], page.next_cursor

    def test_shows_what_one_has_dismissed_the_last_first(self, alice, bob, sign_in):
        first, second, of_alice = (make_run(each, wanted=1) for each in (bob, bob, alice))
        for run in (second, first):
            press(sign_in(bob), run)
        press(sign_in(alice), of_alice)
        assert self.listed(sign_in(bob)) == ([str(first.uuid), str(second.uuid)], "")
        page = sign_in(alice).get(self.ADDRESS).content.decode()
        assert str(of_alice.uuid) in page
        assert str(first.uuid) not in page

    def test_brings_a_run_back_and_stays_on_the_list(self, alice, failed, sign_in):
        client = sign_in(alice)
        press(client, failed)
        address = reverse("run-restore", args=[failed.uuid])
        assert f"{address}?list=1" in client.get(self.ADDRESS).content.decode()
        assert client.post(f"{address}?list=1")["Location"] == self.ADDRESS
        assert self.listed(client) == ([], "")
        assert shown(alice) == [str(failed.uuid)]

    def test_leaves_out_what_the_feed_shows_again(self, alice, failed, sign_in):
        press(sign_in(alice), failed)
        Run.objects.filter(pk=failed.pk).update(open=1)
        assert self.listed(sign_in(alice)) == ([], "")

    def test_has_pages(self, alice, sign_in, monkeypatch):
        monkeypatch.setattr(dismissed, "PAGE_SIZE", 2)
        runs = [make_run(alice, wanted=1) for _ in range(3)]
        for run in runs:
            press(sign_in(alice), run)
        client = sign_in(alice)
        keys = [str(run.uuid) for run in reversed(runs)]
        assert self.listed(client) == (keys[:2], keys[1])
        assert self.listed(client, f"?before={keys[1]}") == (keys[2:], "")
        for unknown in (uuid.uuid4(), "nonsense"):
            assert self.listed(client, f"?before={unknown}")[0] == keys[:2]

    def test_needs_as_many_queries_for_20_runs_as_for_2(self, alice, sign_in):
        client = sign_in(alice)

        def queries(count):
            for _ in range(count):
                dismissals.dismiss(make_run(alice, wanted=1), alice)
            return queries_of(lambda: client.get(self.ADDRESS))

        assert queries(2) == queries(18)
