"""People who may not see images: where they land, what that page offers, what they may not open."""

import re

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.groups import ADMINS, MEMBERS
from generations.views.live import TAG
from tests.accounts.admin.pages import change
from tests.factories import make_user
from tests.generations.asking import ask
from tests.generations.factories import make_finished_run

SHUT = {"/gallery/", "/composer/", "/live/"}


@pytest.fixture
def nobody(team, client):
    """A person in no group."""
    user = make_user(team=team, groups=[])
    client.force_login(user)
    return client


@pytest.fixture
def only_admin(team, client):
    client.force_login(make_user(team=team, groups=[ADMINS]))
    return client


def links(page: str) -> set[str]:
    return {link.partition("?")[0] for link in re.findall(r'href="(/[^"#]*)"', page)}


@pytest.mark.django_db
class TestTheFirstPage:
    def test_says_what_to_do_and_shows_nothing_of_the_team(self, alice, nobody):
        make_finished_run(alice, prompt="a very secret fox")
        page = nobody.get(reverse("studio")).content.decode()
        assert "ask an admin" in page.lower()
        assert "secret fox" not in page
        assert "/files/" not in page

    def test_leads_an_admin_to_their_work(self, only_admin):
        page = only_admin.get(reverse("studio")).content.decode()
        assert {reverse("admin:index"), reverse("providers"), reverse("account")} <= links(page)
        assert "another admin" in page

    @pytest.mark.parametrize("visitor", ["nobody", "only_admin"])
    @pytest.mark.parametrize("name", ["studio", "account", "credits"])
    def test_no_page_links_to_one_that_may_not_be_opened(self, request, visitor, name):
        browser = request.getfixturevalue(visitor)
        page = browser.get(reverse(name)).content.decode()
        offered = {link for link in links(page) if not link.startswith("/static/")}
        assert not offered & SHUT
        statuses = {link: browser.get(link).status_code for link in offered if "logout" not in link}
        assert set(statuses.values()) <= {200, 302}, statuses

    def test_a_refused_page_says_why_and_leads_back(self, nobody):
        response = nobody.get(reverse("gallery"))
        assert response.status_code == 403
        assert 'href="/"' in response.content.decode()

    def test_a_composer_sent_all_the_same_makes_nothing(self, nobody, team):
        response = nobody.post(
            reverse("studio"), {"prompt": "a fox", "engine": "demo/seedream-4-5"}
        )
        assert response.status_code == 403
        assert not team.runs.exists()


@pytest.mark.django_db(transaction=True)
class TestARightThatIsTaken:
    """The cache answers polls without checking rights, so removing a right must clear it."""

    @pytest.fixture
    def poll(self, alice, sign_in):
        ask(alice, prompt="a very secret fox")
        browser = sign_in(alice)
        address = reverse("live")
        first = browser.get(address)
        assert "secret fox" in first.content.decode()
        tagged = {TAG: first[TAG]}
        assert browser.get(address, headers=tagged).status_code == 304

        def poll(headers=None):
            return browser.get(address, headers=headers), browser.get(address, headers=tagged)

        return poll

    def test_ends_the_poll_at_once(self, poll, alice, admin, sign_in):
        change(sign_in(admin), alice, groups=[])

        for answer in poll():
            assert answer.status_code == 302
            assert answer.url.startswith(reverse("account_login"))

    def test_taken_past_the_admin_it_ends_with_the_tag(self, poll, alice):
        alice.groups.clear()
        cache.delete(f"live:{alice.pk}")  # As if it had expired, 20 seconds after it was made.

        assert [answer.status_code for answer in poll()] == [403, 403]

    def test_given_back_it_opens_again(self, alice, admin, sign_in):
        desk = sign_in(admin)
        change(desk, alice, groups=[])
        change(desk, alice, groups=[alice.groups.model.objects.get(name=MEMBERS).pk])

        alice.refresh_from_db()
        assert sign_in(alice).get(reverse("gallery")).status_code == 200
