"""Quotas planned for a later month: in effect when it opens, whoever opens it."""

import datetime as dt
import uuid
from types import SimpleNamespace

import pytest

from accounts import ledger
from accounts.errors import InsufficientCredits
from accounts.events import Event
from accounts.ledger import following, months
from accounts.models import Allowance, PlannedQuota, Record, User
from tests.factories import make_team, make_user

NOVEMBER, DECEMBER, JANUARY = dt.date(2026, 11, 1), dt.date(2026, 12, 1), dt.date(2027, 1, 1)
Kind = PlannedQuota.Kind


@pytest.fixture
def at(monkeypatch):
    def set_time(text):
        moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
        now = SimpleNamespace(now=lambda: moment)
        for module in (following, months):
            monkeypatch.setattr(module, "timezone", now)

    set_time("2026-11-10T12:00")
    return set_time


def plan(owner, credits, month=DECEMBER, kind=Kind.OWN):
    who = {"user": owner} if isinstance(owner, User) else {"team": owner}
    return PlannedQuota.objects.create(**who, kind=kind, month=month, credits=credits)


def fresh(user):
    return User.objects.select_related("team").get(pk=user.pk)


@pytest.mark.django_db
class TestTakingEffect:
    def test_a_request_that_opens_the_month_brings_it_into_effect(self, at):
        user = make_user(quota=400)
        plan(user, 800)
        assert ledger.balance(user).limit_total == 400
        at("2026-12-01T00:00")

        balance = ledger.balance(user)

        assert (balance.limit_total, balance.origin) == (800, "own quota")
        record = Record.objects.get(event=Event.QUOTA_TOOK_EFFECT)
        facts = {"quota": "own", "before": 400, "after": 800, "month": "2026-12"}
        assert (record.facts, record.subject_id) == (facts, user.uuid)

    def test_somebody_whose_quota_was_read_before_it_took_effect_gets_it_too(self, at):
        user, stale = make_user(quota=400), None
        plan(user, 800)
        stale = fresh(user)
        at("2026-12-01T00:00")
        assert ledger.start_planned_quotas() == 1
        assert ledger.balance(stale).limit_total == 800

    def test_a_teams_default_and_its_first_cap_hold_from_the_first_request_on(self, at):
        team = make_team(member_quota=100)
        user = make_user(team=team)
        plan(team, 50, kind=Kind.MEMBERS)
        plan(team, 7, kind=Kind.CAP)
        at("2026-12-01T00:00")

        balance = ledger.balance(user)

        assert (balance.limit_total, balance.left, balance.team_is_short) == (50, 7, True)
        with pytest.raises(InsufficientCredits):
            ledger.reserve(user, {uuid.uuid4(): 8}, price=uuid.uuid4())

    def test_the_task_does_it_for_those_who_are_not_here_and_opens_no_month(self, at):
        user = make_user(quota=400)
        plan(user, 800)
        assert ledger.start_planned_quotas() == 0
        at("2026-12-01T00:00")
        assert ledger.start_planned_quotas() == 1
        assert ledger.start_planned_quotas() == 0
        assert fresh(user).quota == 800
        assert not Allowance.objects.exists()

    def test_a_month_that_was_open_already_follows(self, at):
        team = make_team(member_quota=100)
        user = make_user(team=team)
        ledger.allowance_of(user)
        plan(team, 150, month=NOVEMBER, kind=Kind.MEMBERS)

        ledger.start_planned_quotas()

        assert ledger.balance(fresh(user)).limit_total == 150

    def test_a_default_leaves_the_limit_that_was_set_for_the_whole_team(self, at):
        team = make_team(quota=1000)
        ledger.set_limit(team, 700, actor=None, reason="spring")
        plan(team, 150, month=NOVEMBER, kind=Kind.MEMBERS)
        ledger.start_planned_quotas()
        assert ledger.allowance_of(team).limit == 700

    @pytest.mark.parametrize(
        ("zone", "before", "after"),
        [
            ("Pacific/Pago_Pago", "2026-12-01T10:59", "2026-12-01T11:00"),
            ("Pacific/Kiritimati", "2026-11-30T09:59", "2026-11-30T10:00"),
        ],
    )
    def test_months_begin_at_midnight_of_the_team(self, at, zone, before, after):
        user = make_user(quota=400, team=make_team(time_zone=zone))
        plan(user, 800)
        at(before)
        assert ledger.start_planned_quotas() == 0
        assert ledger.balance(user).limit_total == 400
        at(after)
        assert ledger.balance(user).limit_total == 800

    def test_months_that_nobody_opened_end_with_the_newest_plan(self, at):
        user = make_user(quota=400)
        plan(user, 900, month=JANUARY)
        plan(user, 800, month=DECEMBER)
        at("2027-01-05T00:00")
        assert ledger.balance(user).limit_total == 900


@pytest.mark.django_db
class TestUpcoming:
    def test_it_names_each_change_of_what_the_person_has(self, at):
        user = make_user(team=make_team(member_quota=100))
        plan(user.team, 150, kind=Kind.MEMBERS)
        plan(user, 800, month=JANUARY)
        plan(user.team, 200, month=dt.date(2027, 2, 1), kind=Kind.MEMBERS)
        plan(user.team, 9, kind=Kind.CAP)
        found = [(each.month, each.credits) for each in ledger.upcoming(user)]
        assert found == [(DECEMBER, 150), (JANUARY, 800)]

    def test_a_default_says_nothing_to_those_with_their_own_quota(self, at):
        user = make_user(quota=5)
        plan(user.team, 150, kind=Kind.MEMBERS)
        assert ledger.upcoming(user) == []
