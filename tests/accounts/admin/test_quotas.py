"""Quotas on the list of people and on pages: bounds, two admins at once, acts on several people."""

import datetime as dt
from http import HTTPStatus

import pytest
from django.contrib.messages import get_messages

from accounts import ledger
from accounts.events import Event
from accounts.models import Allowance, Entry, PlannedQuota, Record, TopUp, User
from tests.accounts.admin.pages import change, change_list, run_action, shown, url
from tests.factories import make_team


@pytest.fixture
def desk(sign_in, admin):
    return sign_in(admin)


def quota_of(person):
    return User.objects.get(pk=person.pk).quota


def messages_of(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def open_list(desk):
    """What a browser sends for the list as it is now, by the prefix of each person's row."""
    formset = desk.get(url(User, "changelist")).context["cl"].formset
    data = shown(formset.management_form) | {"_save": "Save"}
    for form in formset:
        data |= shown(form)
    return data, {form.instance.pk: form.prefix for form in formset}


class TestTwoAdmins:
    def test_a_stale_row_of_the_list_is_told_and_overwrites_nothing(self, desk, alice):
        data, prefixes = open_list(desk)
        User.objects.filter(pk=alice.pk).update(quota=300)

        response = desk.post(url(User, "changelist"), data | {f"{prefixes[alice.pk]}-quota": 40})

        assert quota_of(alice) == 300
        assert "somebody has set this to 300 meanwhile" in response.content.decode()
        [form] = [f for f in response.context["cl"].formset if f.instance == alice]
        assert f'name="initial-{form.prefix}-quota" value="300"' in str(form["quota"])

    def test_an_untouched_row_does_not_bring_the_old_quota_back(self, desk, alice, bob):
        data, prefixes = open_list(desk)
        User.objects.filter(pk=alice.pk).update(quota=300)
        desk.post(url(User, "changelist"), data | {f"{prefixes[bob.pk]}-quota": 40})
        assert (quota_of(alice), quota_of(bob)) == (300, 40)

    def test_the_page_of_a_person_and_of_a_team_too(self, desk, alice):
        for row, field in ((alice, "quota"), (alice.team, "member_quota"), (alice.team, "quota")):
            address = url(type(row), "change", row.pk)
            data = shown(desk.get(address).context["adminform"].form)
            type(row).objects.filter(pk=row.pk).update(**{field: 300})
            response = desk.post(address, data | {field: 40})
            assert response.status_code == HTTPStatus.OK
            assert "Save again to replace that" in response.content.decode()
            row.refresh_from_db()
            assert getattr(row, field) == 300

    def test_a_change_in_the_moment_of_saving_is_found(self, desk, alice, monkeypatch):
        from accounts.admin import shown_values

        really = shown_values._hold

        def changed_first(row, form):
            User.objects.filter(pk=alice.pk).update(quota=300)
            really(row, form)

        monkeypatch.setattr(shown_values, "_hold", changed_first)
        response = change_list(desk, User, alice, quota=40)
        assert "somebody else has just changed" in messages_of(response)
        assert quota_of(alice) is None  # all of it was undone

    def test_several_at_once(self, desk, alice, bob):
        page = run_action(desk, [alice, bob], "set_quota")
        hidden = shown(page.context["form"])
        User.objects.filter(pk=bob.pk).update(quota=300)
        chosen = {"apply": "yes", "credits": 40, "reason": "spring"}
        again = run_action(desk, [alice, bob], "set_quota", **hidden | chosen)
        assert (quota_of(alice), quota_of(bob)) == (None, 300)
        assert "somebody else has changed a quota" in again.content.decode()
        run_action(desk, [alice, bob], "set_quota", **shown(again.context["form"]) | chosen)
        assert (quota_of(alice), quota_of(bob)) == (40, 40)


class TestBounds:
    @pytest.mark.parametrize("quota", ["-1", "1.5", "1.000", "100000001", "9" * 30, "1e3"])
    def test_a_quota_that_makes_no_sense_is_refused_in_words(self, desk, alice, quota):
        response = change(desk, alice, quota=quota)
        assert "Write a whole number of credits from 0 to 100000000." in response.content.decode()
        assert quota_of(alice) is None

    def test_a_quota_below_what_is_used_is_allowed_and_said(self, desk, alice):
        ledger.allowance_of(alice)
        Allowance.objects.update(spent=120)
        response = change_list(desk, User, alice, quota=100)
        assert quota_of(alice) == 100
        assert "already used 120 of 100: no new runs until 1 " in messages_of(response)


class TestTheList:
    def test_it_filters_by_what_is_used(self, desk, alice, bob, charlie):
        for person, spent in ((alice, 81), (bob, 80), (charlie, 100)):
            ledger.set_limit(person, 100, actor=None, reason="")
            Allowance.objects.filter(user=person).update(spent=spent)
        for used, expected in (("80", {alice, charlie}), ("100", {charlie})):
            page = desk.get(url(User, "changelist"), {"used": used})
            assert set(page.context["cl"].result_list) == expected

    def test_it_shows_where_a_limit_comes_from(self, desk, alice):
        User.objects.filter(pk=alice.pk).update(team=make_team(name="Brand", member_quota=9))
        person = User.objects.get(pk=alice.pk)
        assert "from team Brand" in desk.get(url(User, "changelist")).content.decode()
        ledger.top_up(person, 200, actor=None, reason="")
        assert "from team Brand, +200 until" in desk.get(url(User, "changelist")).content.decode()


class TestSeveralAtOnce:
    def test_top_ups_have_an_end_and_a_form_counts_once(self, desk, alice, bob):
        hidden = shown(run_action(desk, [alice, bob], "top_up").context["form"])
        last = ledger.last_day_of(ledger.month_of(alice.team))
        chosen = {"apply": "yes", "credits": 25, "reason": "spring", "ends_on": last.isoformat()}
        for _press in range(2):
            run_action(desk, [alice, bob], "top_up", **hidden | chosen)
        given = TopUp.objects.values_list("allowance__user", "credits", "ends_on")
        assert set(given) == {(alice.pk, 25, last), (bob.pk, 25, last)}
        assert len(given) == 2

    def test_a_quota_goes_with_its_reason_into_the_ledger(self, desk, alice):
        ledger.allowance_of(alice)
        hidden = shown(run_action(desk, [alice], "set_quota").context["form"])
        chosen = {"apply": "yes", "credits": 40, "reason": "spring"}
        run_action(desk, [alice], "set_quota", **hidden | chosen)
        assert Entry.objects.latest("pk").reason == "spring"
        Allowance.objects.filter(user=alice).update(spent=50)
        again = shown(run_action(desk, [alice], "set_quota").context["form"])
        said = run_action(desk, [alice], "set_quota", **again | chosen | {"credits": 45})
        assert "already used 50 of 45" in messages_of(said)
        facts = Record.objects.filter(event=Event.USER_CHANGED).earliest("pk").facts
        assert facts == {"before": {"quota": None}, "after": {"quota": 40}}

    def test_last_months_limits_are_copied(self, desk, alice, bob):
        month = ledger.month_of(alice.team)
        before = (month - dt.timedelta(days=1)).replace(day=1)
        Allowance.objects.create(user=alice, month=before, limit=77, origin="admin")
        response = run_action(desk, [alice, bob], "copy_limits")
        assert ledger.balance(alice).limit_total == 77
        said = messages_of(response)
        assert "1 of 2 people have last month's limit now." in said
        assert "Without a limit last month: Bob" in said


class TestPlanning:
    def plan(self, desk, **values):
        month = ledger.next_month(dt.datetime.now(dt.UTC).date())
        data = {"kind": "own", "month": month.isoformat(), "credits": "800"} | values
        return desk.post(url(PlannedQuota, "add"), data), month

    def test_a_plan_stands_on_the_page_of_the_person_and_on_credits(self, desk, sign_in, alice):
        _response, month = self.plan(desk, user=alice.email)
        expected = f"From 1 {month:%B}: 800"
        assert expected in desk.get(url(User, "change", alice.pk)).content.decode()
        assert expected in sign_in(alice).get("/credits/").content.decode()
        record = Record.objects.get(event=Event.ADMIN_ADDED)
        assert record.facts["after"]["credits"] == 800
        assert record.subject_team == alice.team.uuid  # so its reviewers see it

    def test_a_plan_stands_on_the_page_of_the_team(self, desk, team):
        self.plan(desk, team=team.pk, kind="cap")
        page = desk.get(url(type(team), "change", team.pk)).content.decode()
        assert "800 for the whole team" in page

    @pytest.mark.parametrize(
        "values",
        [
            {"credits": "-1"},
            {"credits": "1.5"},
            {"month": "2020-01-01"},
            {"kind": "cap"},
            {"user": "nobody@example.com"},
        ],
    )
    def test_bad_input_plans_nothing(self, desk, alice, values):
        response, _month = self.plan(desk, **{"user": alice.email} | values)
        assert response.status_code == HTTPStatus.OK
        assert response.context["errors"]
        assert not PlannedQuota.objects.exists()

    def test_one_that_has_taken_effect_is_not_changed(self, desk, alice):
        planned = PlannedQuota.objects.create(
            kind="own", user=alice, month=dt.date(2020, 1, 1), credits=5
        )
        ledger.start_planned_quotas()
        for view in ("change", "delete"):
            address = url(PlannedQuota, view, planned.pk)
            assert desk.post(address, {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN
