"""The list of people: this month's credits beside each, and topping up many at once."""

import datetime as dt
from http import HTTPStatus
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group

from accounts import ledger
from accounts.events import Event
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.ledger import months
from accounts.models import Allowance, Entry, Record, User
from tests.accounts.admin.pages import run_action, url
from tests.factories import make_team, make_user
from tests.queries import queries_of


@pytest.fixture
def desk(sign_in, admin):
    return sign_in(admin)


class TestTopUp:
    def test_a_page_asks_first(self, desk, alice, bob):
        response = run_action(desk, [alice, bob], "top_up")

        assert response.status_code == HTTPStatus.OK
        assert "Alice Adams" in response.content.decode()
        assert not Entry.objects.exists()

    def test_everyone_selected_gets_them_and_reads_why(self, desk, alice, bob, admin):
        run_action(desk, [alice, bob], "top_up", apply="yes", credits=25, reason="spring")

        for person in (alice, bob):
            entry = Entry.objects.get(allowance__user=person, kind=Entry.Kind.TOP_UP)
            assert (entry.amount, entry.actor, entry.reason) == (25, admin, "spring")
        topped_up = Record.objects.filter(event=Event.ALLOWANCE_TOPPED_UP)
        assert {record.subject_id for record in topped_up} == {alice.uuid, bob.uuid}

    @pytest.mark.parametrize(
        ("field", "value"),
        [("reason", ""), ("reason", " "), ("reason", "x" * 201), ("credits", ""), ("credits", "0"),
         ("credits", "-5"), ("credits", "999999999999")],
    )  # fmt: skip
    def test_bad_input_gives_nothing_to_anyone(self, desk, alice, bob, field, value):
        data = {"credits": 25, "reason": "spring"} | {field: value}

        response = run_action(desk, [alice, bob], "top_up", apply="yes", **data)

        assert response.context["form"].errors[field]
        assert not Entry.objects.filter(kind=Entry.Kind.TOP_UP).exists()

    def test_it_needs_the_right_to_adjust_credits(self, desk, alice):
        granted = Group.objects.get(name=ADMINS).permissions
        granted.remove(granted.get(codename="change_allowance"))

        run_action(desk, [alice], "top_up", apply="yes", credits=25, reason="spring")

        assert not Entry.objects.exists()


class TestList:
    def row_of(self, response, person):
        page = response.context["cl"]
        [found] = [row for row in page.result_list if row.pk == person.pk]
        return found

    def test_it_shows_this_months_credits(self, desk, alice, bob):
        ledger.set_limit(alice, 40, actor=None, reason="")
        ledger.top_up(alice, 10, actor=None, reason="")

        page = desk.get(url(User, "changelist")).content.decode()

        alices = page[page.index("alice@example.com") : page.index("bob@example.com")]
        assert '<td class="field-left">50 of 50</td>' in alices
        assert '<td class="field-left">500 of 500</td>' in page[page.index("bob@example.com") :]

    def test_it_sorts_by_the_share_used(self, desk, alice, bob, charlie):
        for person, limit in ((alice, 100), (bob, 10), (charlie, 1000)):
            ledger.set_limit(person, limit, actor=None, reason="")
        Allowance.objects.update(spent=10)
        columns = desk.get(url(User, "changelist")).context["cl"].list_display
        number = [getattr(column, "__name__", column) for column in columns].index("share_used")

        response = desk.get(url(User, "changelist"), {"o": f"-{number}"})

        order = [person.email for person in response.context["cl"].result_list]
        assert order[:3] == ["bob@example.com", "alice@example.com", "charlie@example.com"]
        assert "100%" in response.content.decode()

    def test_months_are_those_of_each_persons_team(self, desk, monkeypatch):
        """At the edge of a month, time zones differ in which month it is."""
        edge = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
        monkeypatch.setattr(months, "timezone", SimpleNamespace(now=lambda: edge))
        april = make_user(team=make_team(time_zone="Pacific/Kiritimati"))
        march = make_user(team=make_team(time_zone="Pacific/Pago_Pago"))
        for person, other_month in ((april, 3), (march, 4)):
            ledger.set_limit(person, 40, actor=None, reason="")
            Allowance.objects.create(
                user=person, month=dt.date(2026, other_month, 1), limit=7, origin="site"
            )

        response = desk.get(url(User, "changelist"))

        assert response.context["cl"].result_count == 3
        assert self.row_of(response, april).month_limit == 40
        assert self.row_of(response, march).month_limit == 40

    def test_it_filters_by_team(self, desk, alice, charlie):
        response = desk.get(url(User, "changelist"), {"team__id__exact": charlie.team_id})

        assert [person.email for person in response.context["cl"].result_list] == [charlie.email]

    def test_more_people_need_no_more_queries(self, desk, team, alice):
        for_few = queries_of(lambda: desk.get(url(User, "changelist")))

        for _ in range(18):
            ledger.allowance_of(make_user(team=team, groups=[MEMBERS, REVIEWERS]))

        response = desk.get(url(User, "changelist"))
        assert len(response.context["cl"].result_list) == 20
        assert queries_of(lambda: desk.get(url(User, "changelist"))) == for_few

    def test_an_action_on_more_people_needs_no_more_queries_to_see_what_it_changed(
        self, desk, team, settings
    ):
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
        people = [make_user(team=team) for _ in range(20)]
        for_two = queries_of(lambda: run_action(desk, people[:2], "mail_link"))

        assert queries_of(lambda: run_action(desk, people, "mail_link")) == for_two

    def test_a_password_is_no_search_key(self, desk, alice):
        response = desk.get(url(User, "changelist"), {"password__startswith": "md5"})

        assert response.status_code == HTTPStatus.BAD_REQUEST
