"""Allowances, entries and teams in the admin."""

import datetime as dt
from functools import partial

import pytest
from django.contrib.auth.models import Permission

from accounts import ledger
from accounts.events import Event
from accounts.models import Allowance, Entry, Record, Team, User
from tests.accounts.admin.pages import change, run_action, url
from tests.factories import make_team, make_user
from tests.queries import plans_of, queries_of
from tests.records import said


@pytest.fixture
def desk(sign_in, admin):
    return sign_in(admin)


@pytest.fixture
def allowance(alice):
    return ledger.allowance_of(alice)


def give(desk, rows, action, credits, reason="spring"):
    return run_action(desk, rows, action, apply="yes", credits=credits, reason=reason)


# What happens before the acts that are tested.
BEFORE = (Event.USER_SIGNED_IN, Event.ALLOWANCE_OPENED)


def records():
    return list(Record.objects.exclude(event__in=BEFORE).order_by("id"))


def shown(desk, query=None):
    return list(desk.get(url(Allowance, "changelist"), query).context["cl"].result_list)


def limit_of(user):
    return Allowance.objects.get(user=user).limit


class TestAllowances:
    def test_they_are_topped_up_with_a_reason(self, desk, allowance, admin):
        give(desk, [allowance], "top_up", 30)

        allowance.refresh_from_db()
        assert allowance.top_up == 30
        [record] = records()
        assert (record.event, record.actor) == (Event.ALLOWANCE_TOPPED_UP, admin)
        assert said(record) == {"reason": "spring"}

    def test_this_months_limit_is_set(self, desk, allowance):
        give(desk, [allowance], "set_limit", 0)

        allowance.refresh_from_db()
        assert allowance.limit == 0
        assert [record.event for record in records()] == [Event.ALLOWANCE_LIMIT_SET]

    def test_spent_credits_are_written_off(self, desk, allowance):
        Allowance.objects.update(spent=10)

        give(desk, [allowance], "write_off", 4)

        allowance.refresh_from_db()
        assert allowance.spent == 6
        assert [record.event for record in records()] == [Event.ALLOWANCE_WRITTEN_OFF]

    def test_if_one_write_off_is_refused_none_is_made(self, desk, allowance, bob):
        other = ledger.allowance_of(bob)
        Allowance.objects.filter(pk=other.pk).update(spent=10)

        response = give(desk, [allowance, other], "write_off", 4)

        assert "No more can be written off" in response.context["form"].errors["credits"][0]
        assert response.context["rows"][0] == other  # it is written off first, which is undone
        other.refresh_from_db()
        assert other.spent == 10
        assert records() == []

    @pytest.mark.parametrize("action", ["top_up", "set_limit"])
    def test_a_month_that_is_over_is_not_changed(self, desk, allowance, action):
        past = Allowance.objects.create(
            user=allowance.user, month=dt.date(2020, 1, 1), limit=5, origin="site"
        )

        response = give(desk, [past], action, 30)

        assert "not this month" in response.context["form"].errors["credits"][0]
        assert records() == []

    def test_they_are_adjusted_by_these_actions_alone(self, desk, allowance):
        data = {"limit": 9999, "spent": 0, "top_up": 0, "reserved": 0}

        for view, args in (("add", ()), ("change", (allowance.pk,)), ("delete", (allowance.pk,))):
            assert desk.post(url(Allowance, view, *args), data).status_code == 403

        allowance.refresh_from_db()
        assert allowance.limit != 9999

    def test_they_can_be_looked_at(self, desk, allowance):
        assert desk.get(url(Allowance, "change", allowance.pk)).status_code == 200

    def test_looking_is_not_adjusting(self, sign_in, team, allowance):
        viewer = make_user(team=team, groups=[], is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_allowance"))

        give(sign_in(viewer), [allowance], "top_up", 30)

        allowance.refresh_from_db()
        assert allowance.top_up == 0

    def test_the_newest_come_first_and_one_month_can_be_chosen(self, desk, allowance, bob):
        other = ledger.allowance_of(bob)
        Allowance.objects.create(user=bob, month=dt.date(2020, 1, 1), limit=5, origin="site")

        assert shown(desk, {"month__exact": f"{other.month}"}) == [other, allowance]
        assert shown(desk, {"month__exact": "2020-01-01"}) == [Allowance.objects.latest("pk")]
        assert shown(desk) == list(Allowance.objects.order_by("-pk"))

    @pytest.mark.parametrize("term", ["alice@", "Adams", "auror"])
    def test_they_are_found_by_their_owner_and_by_the_owners_team(
        self, desk, allowance, charlie, term
    ):
        ledger.allowance_of(charlie)

        assert shown(desk, {"q": term}) == [allowance]

    def test_a_page_is_a_range_of_an_index(self, desk, allowance):
        for query in ({}, {"month__exact": f"{allowance.month}"}):
            pages = plans_of(partial(shown, desk, query), Allowance._meta.db_table)
            assert pages
            for plan in pages:
                assert "TEMP B-TREE" not in plan
                assert "Sort" not in plan
                assert "allowance_by_month" in plan or not query

    def test_more_of_them_need_no_more_queries(self, desk, team, allowance):
        few = queries_of(lambda: desk.get(url(Allowance, "changelist")))

        for _ in range(19):
            ledger.allowance_of(make_user(team=team))

        assert len(desk.get(url(Allowance, "changelist")).context["cl"].result_list) == 20
        assert queries_of(lambda: desk.get(url(Allowance, "changelist"))) == few


class TestEntries:
    def test_they_are_shown_newest_first_with_reasons(self, desk, alice, admin):
        ledger.top_up(alice, 30, actor=admin, reason="spring campaign")

        response = desk.get(url(Entry, "changelist"))

        assert response.context["cl"].result_list[0].kind == Entry.Kind.TOP_UP
        assert "spring campaign" in response.content.decode()

    def test_they_cannot_be_touched(self, desk, allowance):
        entry = Entry.objects.get()

        for view, args in (("add", ()), ("change", (entry.pk,)), ("delete", (entry.pk,))):
            assert desk.post(url(Entry, view, *args), {"amount": 1}).status_code == 403

    def test_more_of_them_need_no_more_queries(self, desk, alice, admin):
        ledger.top_up(alice, 1, actor=admin, reason="")
        few = queries_of(lambda: desk.get(url(Entry, "changelist")))

        for _ in range(18):
            ledger.top_up(alice, 1, actor=admin, reason="")

        assert len(desk.get(url(Entry, "changelist")).context["cl"].result_list) == 20
        assert queries_of(lambda: desk.get(url(Entry, "changelist"))) == few


class TestTeams:
    def test_the_members_default_holds_for_this_month(self, desk, team, alice, allowance):
        change(desk, team, member_quota=70)

        assert limit_of(alice) == 70
        change(desk, team, member_quota=90)
        assert limit_of(alice) == 90

    def test_but_not_for_members_with_a_quota_of_their_own(self, desk, team, bob):
        User.objects.filter(pk=bob.pk).update(quota=40)
        ledger.allowance_of(User.objects.get(pk=bob.pk))

        change(desk, team, member_quota=70)

        assert limit_of(bob) == 40

    def test_nor_for_members_whose_month_was_set_apart(self, desk, team, alice):
        ledger.set_limit(alice, 900, actor=None, reason="spring")

        change(desk, team, member_quota=70)

        assert limit_of(alice) == 900

    def test_the_teams_cap_holds_for_this_month(self, desk, team):
        Team.objects.filter(pk=team.pk).update(quota=1000)
        ledger.allowance_of(Team.objects.get(pk=team.pk))

        change(desk, team, quota=600)

        assert Allowance.objects.get(team=team).limit == 600

    def test_changes_are_recorded(self, desk, team, admin):
        change(desk, team, name="Cumulus", quota=600, time_zone="Europe/Lisbon")

        [record] = records()
        assert (record.event, record.actor) == (Event.ADMIN_CHANGED, admin)
        assert record.facts["after"] == {"quota": 600, "time_zone": "Europe/Lisbon"}
        assert said(record) == {"before": {"name": "Aurora"}, "after": {"name": "Cumulus"}}

    def test_an_unknown_time_zone_is_refused(self, desk, team):
        response = change(desk, team, time_zone="Nowhere/Town")

        assert response.context["adminform"].form.errors["time_zone"]
        assert records() == []

    def test_they_are_not_deleted(self, desk):
        empty = make_team()

        assert desk.post(url(Team, "delete", empty.pk), {"post": "yes"}).status_code == 403
        assert Team.objects.filter(pk=empty.pk).exists()

    def test_more_of_them_need_no_more_queries(self, desk, team):
        few = queries_of(lambda: desk.get(url(Team, "changelist")))

        for _ in range(19):
            make_team()

        assert len(desk.get(url(Team, "changelist")).context["cl"].result_list) == 20
        assert queries_of(lambda: desk.get(url(Team, "changelist"))) == few
