"""Credits: worked stories, refusals, and what no two presses at once can do."""

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts import ledger
from accounts.errors import InsufficientCredits, InvalidAmount
from accounts.events import Event
from accounts.models import Allowance, Entry, Record
from tests.factories import make_team, make_user

PRICE = uuid.uuid4()


def hold(user, *amounts):
    held = {uuid.uuid4(): amount for amount in amounts}
    ledger.reserve(user, held, price=PRICE)
    return list(held)


def columns(user):
    allowance = ledger.allowance_of(user)
    return allowance.limit, allowance.top_up, allowance.reserved, allowance.spent


@pytest.mark.django_db
class TestQuotaInForce:
    def test_own_quota_goes_before_team_default_before_studio_default(self, settings):
        settings.DEFAULT_QUOTA = 7
        team = make_team()
        assert ledger.balance(make_user(team=team)).limit_total == 7
        team.member_quota = 20
        team.save()
        assert ledger.balance(make_user(team=team)).limit_total == 20
        assert ledger.balance(make_user(team=team, quota=30)).limit_total == 30

    def test_says_where_the_figure_comes_from(self):
        assert ledger.balance(make_user(quota=30)).origin == "own quota"

    def test_month_begins_at_midnight_of_the_team(self):
        team = make_team(time_zone="Pacific/Auckland")
        late_in_october = dt.datetime(2026, 10, 31, 12, 30, tzinfo=dt.UTC)
        assert ledger.month_of(team, late_in_october) == dt.date(2026, 11, 1)

    def test_renews_on_the_first_of_next_month(self):
        allowance = Allowance(month=dt.date(2026, 12, 1))
        assert allowance.renews_on == dt.date(2027, 1, 1)


@pytest.mark.django_db
class TestAMonth:
    def test_hold_settle_release_and_top_up(self, admin):
        user = make_user(quota=10)
        first, second = hold(user, 4, 4)
        assert columns(user) == (10, 0, 8, 0)
        assert ledger.settle(first, 3) == (3, 1)
        assert columns(user) == (10, 0, 4, 3)
        assert ledger.settle(second, 0) == (0, 4)
        assert columns(user) == (10, 0, 0, 3)
        ledger.top_up(user, 5, actor=admin, reason="launch week")
        assert columns(user) == (10, 5, 0, 3)
        assert ledger.balance(user).left == 12
        assert ledger.reconcile() == []

    def test_a_reservation_is_resolved_once(self):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        ledger.settle(generation, 4)
        assert ledger.settle(generation, 4) == (0, 0)
        assert columns(user) == (10, 0, 0, 4)

    def test_never_more_is_spent_than_was_held(self):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        assert ledger.settle(generation, 9) == (4, 0)

    def test_settles_in_the_month_it_was_held_in(self):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        last_month = timezone.now().date().replace(day=1) - dt.timedelta(days=1)
        Allowance.objects.filter(user=user).update(month=last_month.replace(day=1))
        ledger.settle(generation, 4)
        assert columns(user) == (10, 0, 0, 0)
        assert Allowance.objects.get(user=user, month=last_month.replace(day=1)).spent == 4

    def test_a_refusal_says_what_is_left_and_when_it_renews_and_holds_nothing(self):
        user = make_user(quota=3)
        with pytest.raises(InsufficientCredits) as refusal:
            hold(user, 4)
        assert (refusal.value.needed, refusal.value.left) == (4, 3)
        assert "needs 4 credits" in refusal.value.message
        assert "3 left until 1 " in refusal.value.message
        assert columns(user) == (3, 0, 0, 0)
        assert not Entry.objects.filter(kind=Entry.Kind.RESERVE).exists()

    def test_the_teams_cap_refuses_too_and_leaves_the_person_untouched(self):
        user = make_user(team=make_team(quota=3), quota=100)
        with pytest.raises(InsufficientCredits) as refusal:
            hold(user, 4)
        assert refusal.value.whose == "team"
        assert columns(user) == (100, 0, 0, 0)
        assert ledger.balance(user).left == 3

    def test_a_limit_below_what_is_used_stops_new_runs_and_takes_nothing_back(self, admin):
        user = make_user(quota=10)
        hold(user, 8)
        ledger.set_limit(user, 5, actor=admin, reason="")
        assert ledger.balance(user).left == 0
        with pytest.raises(InsufficientCredits):
            hold(user, 1)

    def test_a_write_off_gives_spent_credits_back(self, admin):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        ledger.settle(generation, 4)
        ledger.write_off(ledger.allowance_of(user), 3, actor=admin, reason="grey pictures")
        assert columns(user) == (10, 0, 0, 1)
        with pytest.raises(InvalidAmount):
            ledger.write_off(ledger.allowance_of(user), 2, actor=admin, reason="")
        assert ledger.reconcile() == []

    @pytest.mark.parametrize("credits", [-1, ledger.MAX_CREDITS + 1])
    def test_a_senseless_limit_changes_nothing(self, credits, admin):
        user = make_user(quota=10)
        with pytest.raises(InvalidAmount):
            ledger.set_limit(user, credits, actor=admin, reason="")
        assert columns(user) == (10, 0, 0, 0)

    def test_a_changed_limit_is_on_the_record_with_before_and_after(self, admin):
        user = make_user(quota=10)
        ledger.set_limit(user, 25, actor=admin, reason="more work")
        record = Record.objects.get(event=Event.ALLOWANCE_LIMIT_SET)
        assert (record.facts["before"], record.facts["after"]) == (10, 25)
        assert record.actor == admin
        assert record.payload.data == {"reason": "more work"}


@pytest.mark.django_db
class TestTheDatabaseDefends:
    def test_one_settlement_for_each_generation(self):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        held = Entry.objects.get(generation=generation)
        twice = {"allowance": held.allowance, "kind": Entry.Kind.SETTLE, "amount": 1}
        Entry.objects.create(generation=generation, **twice)
        with pytest.raises(IntegrityError), transaction.atomic():
            Entry.objects.create(generation=generation, **twice)

    def test_no_column_falls_below_zero(self):
        user = make_user(quota=10)
        ledger.allowance_of(user)
        with pytest.raises(IntegrityError), transaction.atomic():
            Allowance.objects.filter(user=user).update(reserved=F("reserved") - 1)

    def test_drift_is_found(self):
        user = make_user(quota=10)
        hold(user, 4)
        Allowance.objects.filter(user=user).update(reserved=3)
        [drift] = ledger.reconcile()
        assert (drift.columns["reserved"], drift.sums["reserved"]) == (3, 4)


@pytest.mark.django_db(transaction=True)
def test_64_presses_at_once_with_credit_for_10():
    user = make_user(quota=10)
    ledger.allowance_of(user)

    def press(_):
        try:
            hold(user, 1)
        except InsufficientCredits:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(64) as pool:
        accepted = sum(pool.map(press, range(64)))

    assert accepted == 10
    assert columns(user) == (10, 0, 10, 0)
    assert ledger.reconcile() == []
