"""A person's own pages: name, and credits with their entries."""

import datetime as dt
from functools import partial
from http import HTTPStatus

import pytest
from django.template import engines
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import ledger, views
from accounts.context import balance
from accounts.events import Event
from accounts.models import Allowance, Entry, Record, User
from tests.queries import plans_of, queries_of
from tests.records import said


def entries_on(response):
    return [entry.reason for entry in response.context["page"].entries]


def open_month(user, year):
    """A month long ago, with one entry."""
    opened = Allowance.objects.create(
        user=user, month=dt.date(year, 1, 1), limit=1, origin=Allowance.Origin.SITE
    )
    Entry.objects.create(allowance=opened, kind=Entry.Kind.LIMIT, amount=1)
    return opened


class TestAccount:
    def test_the_name_can_be_changed_and_both_names_are_on_the_record(self, sign_in, alice):
        response = sign_in(alice).post(reverse("account"), {"name": " Alice Atwood "}, follow=True)

        alice.refresh_from_db()
        assert alice.name == "Alice Atwood"
        assert "Alice Atwood" in response.content.decode()
        record = Record.objects.get(event=Event.USER_CHANGED)
        assert (record.actor, record.facts) == (alice, {"changed": ["name"]})
        assert said(record) == {
            "before": {"name": "Alice Adams"},
            "after": {"name": "Alice Atwood"},
        }

    @pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b"])
    def test_a_name_that_will_not_do_is_refused_beside_its_field(self, sign_in, alice, name):
        response = sign_in(alice).post(reverse("account"), {"name": name})

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert response.context["form"].errors["name"]
        assert response.context["user"].name == "Alice Adams"
        assert User.objects.get(pk=alice.pk).name == "Alice Adams"

    def test_saving_the_same_name_is_no_change(self, sign_in, alice):
        sign_in(alice).post(reverse("account"), {"name": alice.name})

        assert not Record.objects.filter(event=Event.USER_CHANGED).exists()

    def test_nothing_but_the_name_can_be_sent(self, sign_in, alice, charlie):
        forged = {
            "name": alice.name,
            "email": "root@example.com",
            "team": charlie.team_id,
            "quota": 10_000,
            "is_staff": "on",
            "is_superuser": "on",
        }

        sign_in(alice).post(reverse("account"), forged)

        fresh = User.objects.get(pk=alice.pk)
        for field in ("email", "team_id", "quota", "is_staff", "is_superuser"):
            assert getattr(fresh, field) == getattr(alice, field)


class TestCredits:
    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch):
        monkeypatch.setattr(views, "ENTRIES_A_PAGE", 3)

    def test_the_month_is_shown_with_its_origin_and_renewal(self, sign_in, alice):
        alice.quota = 80
        alice.save()

        page = sign_in(alice).get(reverse("credits")).content.decode()

        own = ledger.balance(alice)
        assert "own quota" in page
        assert f'datetime="{own.renews_on:%Y-%m-%d}"' in page
        assert "of 80" in page

    def test_entries_come_newest_first_in_pages_that_miss_and_repeat_nothing(self, sign_in, alice):
        for number in range(7):
            ledger.top_up(alice, 1, actor=None, reason=f"top-up {number}")
        client = sign_in(alice)

        first = client.get(reverse("credits"))
        second = client.get(reverse("credits"), {"before": first.context["page"].next_cursor})
        third = client.get(reverse("credits"), {"before": second.context["page"].next_cursor})

        assert entries_on(first) == ["top-up 6", "top-up 5", "top-up 4"]
        assert entries_on(second) == ["top-up 3", "top-up 2", "top-up 1"]
        assert entries_on(third) == ["top-up 0", ""]  # the month's opening has no reason
        assert third.context["page"].next_cursor == ""

    def test_entries_of_one_moment_are_not_lost_between_pages(self, alice, monkeypatch):
        moment = timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: moment)
        for _ in range(6):
            ledger.top_up(alice, 1, actor=None, reason="")

        seen, cursor = [], ""
        while not seen or cursor:
            page = views.entries_of(alice, before=cursor, size=2)
            seen += [entry.pk for entry in page.entries]
            cursor = page.next_cursor

        assert seen == sorted(Entry.objects.values_list("pk", flat=True), reverse=True)

    def test_new_entries_do_not_shift_the_next_page(self, sign_in, alice):
        for number in range(4):
            ledger.top_up(alice, 1, actor=None, reason=f"top-up {number}")
        client = sign_in(alice)
        cursor = client.get(reverse("credits")).context["page"].next_cursor

        ledger.top_up(alice, 1, actor=None, reason="meanwhile")

        assert entries_on(client.get(reverse("credits"), {"before": cursor}))[0] == "top-up 0"

    def test_the_newest_month_comes_first_with_what_was_settled_for_it_later(self, alice):
        ledger.top_up(alice, 1, actor=None, reason="this month")
        for year in (2020, 2021):
            late = open_month(alice, year)
            Entry.objects.create(allowance=late, kind="write_off", amount=1, reason=f"late {year}")

        seen, cursor = [], ""
        while not seen or cursor:
            page = views.entries_of(alice, before=cursor, size=3)
            seen += [(entry.allowance.month.year, entry.reason) for entry in page.entries]
            cursor = page.next_cursor

        year = Allowance.objects.latest("month").month.year
        assert seen == [
            *((year, "this month"), (year, "")),
            *((2021, "late 2021"), (2021, ""), (2020, "late 2020"), (2020, "")),
        ]

    def test_a_page_ends_after_twelve_months(self, alice, django_assert_max_num_queries):
        for year in range(1990, 2020):
            open_month(alice, year)

        with django_assert_max_num_queries(2 + views.MONTHS_A_PAGE):
            page = views.entries_of(alice, before="", size=50)
        rest = views.entries_of(alice, before=page.next_cursor, size=50)

        assert [entry.allowance.month.year for entry in page.entries] == [*range(2019, 2007, -1)]
        assert rest.entries[0].allowance.month.year == 2007

    def test_a_page_at_any_depth_is_a_range_of_the_months_index(self, alice):
        for number in range(9):
            ledger.top_up(alice, 1, actor=None, reason=f"top-up {number}")
        middle = Entry.objects.get(reason="top-up 4")

        for before in ("", str(middle.pk)):
            read = partial(views.entries_of, alice, before=before, size=3)
            *_, plan = plans_of(read, Entry._meta.db_table)
            assert "entry_by_allowance" in plan
            assert "TEMP B-TREE" not in plan
            assert "Sort" not in plan

    def test_nobody_sees_the_entries_of_others(self, sign_in, alice, bob):
        ledger.top_up(alice, 1, actor=None, reason="for Alice")

        assert "for Alice" not in sign_in(bob).get(reverse("credits")).content.decode()

    def test_a_reason_is_shown_as_text(self, sign_in, alice):
        ledger.top_up(alice, 5, actor=None, reason="<b>spring</b> campaign")

        page = sign_in(alice).get(reverse("credits")).content.decode()

        assert "&lt;b&gt;spring&lt;/b&gt; campaign" in page

    @pytest.mark.parametrize("cursor", ["x", "1", "-1", "1-1", "9" * 18, "9" * 19, "١", "1\n"])
    def test_a_made_up_cursor_leads_nowhere(self, sign_in, alice, cursor):
        response = sign_in(alice).get(reverse("credits"), {"before": cursor})

        assert response.status_code == HTTPStatus.NOT_FOUND

    def test_more_entries_need_no_more_queries(self, sign_in, alice, admin, monkeypatch):
        monkeypatch.setattr(views, "ENTRIES_A_PAGE", 50)
        client = sign_in(alice)
        ledger.top_up(alice, 1, actor=admin, reason="")
        for_two = queries_of(lambda: client.get(reverse("credits")))

        for _ in range(18):
            ledger.top_up(alice, 1, actor=admin, reason="")

        assert queries_of(lambda: client.get(reverse("credits"))) == for_two
        assert len(entries_on(client.get(reverse("credits")))) == 20


class TestBalanceInTemplates:
    def render(self, template, user=None):
        request = RequestFactory().get("/")
        if user:
            request.user = user
        return engines["django"].from_string(template).render(balance(request))

    def test_it_is_the_persons_own(self, alice):
        ledger.set_limit(alice, 42, actor=None, reason="")

        assert self.render("{{ balance.left }}", alice) == "42"

    def test_nothing_is_read_where_it_is_not_used(self, alice, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert self.render("hello", alice) == "hello"

    def test_there_is_none_without_a_person(self, client, db, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert self.render("{% if balance %}yes{% else %}no{% endif %}") == "no"
