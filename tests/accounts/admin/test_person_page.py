"""Inviting with what is chosen already, and a person's page: credits, links, sessions."""

from http import HTTPStatus

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts import access, invitations, ledger
from accounts.events import Event
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Entry, Record, User
from tests.accounts.admin.pages import change, url
from tests.factories import make_team, make_user
from tests.generations.factories import make_finished_run, make_run
from tests.queries import queries_of
from tests.records import write


@pytest.fixture
def desk(sign_in, admin):
    return sign_in(admin)


def page_of(desk, person):
    return desk.get(url(User, "change", person.pk))


def add_credits(desk, person, *, page=None, **values):
    """Fill in the form of `page`, or of the page as it is now, and send it."""
    form = (page or page_of(desk, person)).context["top_up_form"]
    data = {"credits": 200, "reason": "spring", "seen": form["seen"].value()} | values
    return desk.post(reverse("admin:accounts_user_top_up", args=[person.pk]), data, follow=True)


def messages_of(response):
    return " ".join(str(message) for message in response.context["messages"])


def added_to(person):
    entries = Entry.objects.filter(allowance__user=person, kind=Entry.Kind.TOP_UP)
    return list(entries.values_list("amount", "reason"))


class TestInvitationPage:
    def chosen(self, desk):
        form = desk.get(url(User, "add")).context["adminform"].form
        return form.initial.get("team"), form.initial["groups"]

    def test_the_only_team_and_members_are_chosen(self, desk, team):
        members = Group.objects.get(name=MEMBERS)
        assert self.chosen(desk) == (team.pk, [members.pk])

    def test_of_two_teams_none_is_chosen(self, desk):
        make_team()
        assert self.chosen(desk)[0] is None

    def test_it_says_what_each_group_may_do(self, desk):
        page = desk.get(url(User, "add")).content.decode()
        assert "make, find and download images of their team" in page
        assert "Only a superuser can put people into: Reviewers" in page

    def test_a_superuser_makes_reviewers_here(self, sign_in, superuser, team):
        throne = sign_in(superuser)
        reviewers = Group.objects.get(name=REVIEWERS)
        data = {"email": "rae@example.com", "team": team.pk, "groups": [reviewers.pk]}

        throne.post(url(User, "add"), data)

        assert User.objects.get(email="rae@example.com").has_perm("accounts.view_record")

    @pytest.mark.parametrize(
        ("backend", "promised"), [("locmem", "gets a mail"), ("dummy", "sends no mails")]
    )
    def test_a_mail_is_promised_only_where_one_goes_out(self, desk, settings, backend, promised):
        settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
        assert promised in desk.get(url(User, "add")).content.decode()

    @pytest.mark.django_db(transaction=True)
    def test_it_leads_to_the_new_person_with_a_link_that_works(self, desk, team, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
        groups = [Group.objects.get(name=MEMBERS).pk]
        data = {"email": "nova@example.com", "team": team.pk, "groups": groups}

        response = desk.post(url(User, "add"), data, follow=True)

        nova = User.objects.get(email="nova@example.com")
        assert response.redirect_chain[-1][0] == url(User, "change", nova.pk)
        [link] = [word for word in messages_of(response).split() if word.startswith("http")]
        form = Client().get(link, follow=True).context["form"]
        assert form.user == nova


class TestCredits:
    def test_they_are_added_with_reason_and_record(self, desk, alice, admin):
        response = add_credits(desk, alice)

        assert added_to(alice) == [(200, "spring")]
        assert "Alice Adams has 700 of 700 credits left" in messages_of(response)
        assert Record.objects.get(event=Event.ALLOWANCE_TOPPED_UP).actor == admin

    def test_a_reason_is_not_needed(self, desk, alice):
        add_credits(desk, alice, reason="")
        assert added_to(alice) == [(200, "")]

    def test_a_double_press_adds_once_and_says_so(self, desk, alice):
        page = page_of(desk, alice)
        add_credits(desk, alice, page=page)

        again = add_credits(desk, alice, page=page)

        assert added_to(alice) == [(200, "spring")]
        assert "Nothing was added now" in messages_of(again)
        add_credits(desk, alice)
        assert len(added_to(alice)) == 2

    @pytest.mark.parametrize(
        "values",
        [{"credits": "0"}, {"credits": "-5"}, {"credits": "x"}, {"credits": "9" * 30},
         {"credits": ""}, {"reason": "x" * 201}, {"reason": "a\0b"}, {"seen": ""}, {"seen": "x"}],
    )  # fmt: skip
    def test_bad_input_adds_nothing_and_is_named(self, desk, alice, values):
        response = add_credits(desk, alice, **values)
        assert response.status_code == HTTPStatus.OK
        assert messages_of(response)
        assert added_to(alice) == []

    def test_it_needs_the_right_and_a_post(self, desk, alice):
        address = reverse("admin:accounts_user_top_up", args=[alice.pk])
        assert desk.get(address).status_code == HTTPStatus.METHOD_NOT_ALLOWED
        granted = Group.objects.get(name=ADMINS).permissions
        granted.remove(granted.get(codename="change_allowance"))
        assert desk.post(address, {"credits": 5}).status_code == HTTPStatus.FORBIDDEN
        assert "top-up/" not in page_of(desk, alice).content.decode()

    def test_nobody_reaches_a_superuser_with_it(self, desk, superuser):
        address = reverse("admin:accounts_user_top_up", args=[superuser.pk])
        assert desk.post(address, {"credits": 5}).status_code == HTTPStatus.NOT_FOUND

    def test_looking_opens_no_month(self, desk, alice):
        page = page_of(desk, alice).content.decode()
        assert "500 of 500 credits" in page
        assert not Entry.objects.filter(allowance__user=alice).exists()


class TestSessions:
    def test_they_and_the_links_end_on_record(self, desk, alice, admin, sign_in_by_page):
        browser, link = sign_in_by_page(alice), invitations.link_for(alice)

        desk.post(reverse("admin:accounts_user_sign_out", args=[alice.pk]))

        assert browser.get(reverse("account")).status_code == HTTPStatus.FOUND
        assert Client().get(link, follow=True).context["token_fail"]
        record = Record.objects.get(event=Event.USER_SESSIONS_ENDED)
        assert (record.actor, record.subject_id) == (admin, alice.uuid)
        assert record.facts["sessions"] == 1

    def test_ones_own_stays(self, admin, sign_in_by_page):
        desk = sign_in_by_page(admin)
        desk.post(reverse("admin:accounts_user_sign_out", args=[admin.pk]))
        assert desk.get(reverse("account")).status_code == HTTPStatus.OK


def test_a_link_is_shown_from_the_page(desk, alice):
    page = page_of(desk, alice).content.decode()
    assert 'value="show_link"' in page
    change(desk, alice, is_active=None)
    assert 'value="show_link"' not in page_of(desk, alice).content.decode()


def test_more_runs_and_entries_need_no_more_queries(desk, alice):
    ledger.top_up(alice, 1, actor=None, reason="")
    before = queries_of(lambda: page_of(desk, alice))
    for _ in range(5):
        ledger.top_up(alice, 1, actor=None, reason="")
        make_user(team=alice.team)
    assert queries_of(lambda: page_of(desk, alice)) == before


class TestLinksOnNames:
    @pytest.mark.parametrize(("kind", "is_linked"), [("reader", False), ("both", True)])
    def test_the_log_links_people_for_those_who_may_open_them(
        self, sign_in, team, alice, kind, is_linked
    ):
        groups = [REVIEWERS, ADMINS] if kind == "both" else [REVIEWERS]
        make_run(alice)
        write(Event.USER_SIGNED_IN, actor=alice, subject=alice)
        page = sign_in(make_user(team=team, groups=groups)).get(reverse("log"), {"steps": "1"})
        assert (url(User, "change", alice.pk) in page.content.decode()) is is_linked

    def test_the_gallery_links_the_person_of_its_filter(self, sign_in, admin, alice, charlie):
        def linked(viewer, person):
            page = sign_in(viewer).get(reverse("gallery"), {"person": str(person.uuid)})
            return url(User, "change", person.pk) in page.content.decode()

        assert linked(admin, alice)
        assert not linked(admin, charlie)
        assert not linked(alice, admin)

    def test_nobody_is_led_to_a_superuser_whom_they_cannot_reach(self, admin, superuser):
        assert access.page_of_person(superuser, admin) == ""
        assert access.page_of_person(superuser, superuser)


def test_the_last_work_is_counted_without_prompts(desk, alice):
    make_finished_run(alice, images=3, prompt="a red fox")
    make_finished_run(alice, images=2, prompt="a red fox")
    page = page_of(desk, alice).content.decode()
    assert "5, in 2 runs" in page
    assert "a red fox" not in page
