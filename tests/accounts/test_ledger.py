"""Credits: complete examples, refusals, and simultaneous requests."""

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit, ledger
from accounts.errors import InsufficientCredits, InvalidAmount
from accounts.events import Event
from accounts.ledger import reserving
from accounts.ledger.months import open_allowance
from accounts.models import Allowance, Entry, Record
from tests.factories import make_team, make_user

PRICE = uuid.uuid4()


def hold(user, *amounts):
    reserved = {uuid.uuid4(): amount for amount in amounts}
    ledger.reserve(user, reserved, price=PRICE)
    return list(reserved)


def settled(generation, credits):
    found = ledger.settle(generation, credits)
    return found.spent, found.released


def write_off(user, credits, **values):
    ledger.write_off(ledger.allowance_of(user), credits, **values)


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

    def test_an_own_quota_of_the_same_amount_is_the_origin_at_once(self):
        user = make_user()
        same = ledger.balance(user).limit_total
        ledger.allowance_of(user)
        user.quota = same
        user.save()
        ledger.follow_own_quota(user, actor=None)
        assert (ledger.balance(user).limit_total, ledger.balance(user).origin) == (
            same,
            "own quota",
        )

    def test_month_begins_at_midnight_of_the_team(self):
        team = make_team(time_zone="Pacific/Auckland")
        late_in_october = dt.datetime(2026, 10, 31, 12, 30, tzinfo=dt.UTC)
        assert ledger.month_of(team, late_in_october) == dt.date(2026, 11, 1)

    def test_the_months_allowance_is_made_once_and_then_found(self, django_assert_num_queries):
        user = make_user(quota=30)
        opened = ledger.allowance_of(user)
        with django_assert_num_queries(1):
            assert ledger.allowance_of(user) == opened

    def test_who_opens_a_month_second_gets_the_allowance_that_is_there(self):
        user = make_user(quota=30)
        month = ledger.month_of(user.team)
        last_month = (month - dt.timedelta(days=1)).replace(day=1)
        open_allowance(user, last_month)
        first = ledger.allowance_of(user)
        assert open_allowance(user, month) == first  # it had found none before
        assert first.entries.count() == 1

    def test_renews_on_the_first_of_next_month(self):
        allowance = Allowance(month=dt.date(2026, 12, 1))
        assert allowance.renews_on == dt.date(2027, 1, 1)


@pytest.mark.django_db
class TestAMonth:
    def test_hold_settle_release_and_top_up(self, admin):
        user = make_user(quota=10)
        first, second = hold(user, 4, 4)
        assert columns(user) == (10, 0, 8, 0)
        assert settled(first, 3) == (3, 1)
        assert columns(user) == (10, 0, 4, 3)
        assert settled(second, 0) == (0, 4)
        assert columns(user) == (10, 0, 0, 3)
        ledger.top_up(user, 5, actor=admin, reason="launch week")
        assert columns(user) == (10, 5, 0, 3)
        assert ledger.balance(user).left == 12
        assert ledger.reconcile() == []

    def test_a_reservation_is_resolved_once(self):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        ledger.settle(generation, 4)
        assert settled(generation, 4) == (0, 0)
        assert columns(user) == (10, 0, 0, 4)

    def test_never_more_is_spent_than_was_reserved(self):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        assert settled(generation, 9) == (4, 0)

    def test_settles_in_the_month_it_was_reserved_in(self):
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
        assert "3 left until they renew on 1 " in refusal.value.message
        assert columns(user) == (3, 0, 0, 0)
        assert not Entry.objects.filter(kind=Entry.Kind.RESERVE).exists()

    def test_a_refusal_after_a_lost_race_says_what_is_left_now(self, monkeypatch):
        user = make_user(quota=10)
        really_reserve = reserving._reserve_in

        def reserve_after_another(allowance, credits):
            monkeypatch.undo()
            hold(user, 8)
            return really_reserve(allowance, credits)

        monkeypatch.setattr(reserving, "_reserve_in", reserve_after_another)
        with pytest.raises(InsufficientCredits) as refusal:
            hold(user, 4)
        assert refusal.value.left == 2

    @pytest.mark.parametrize(
        ("cap", "left", "team_is_short"), [(None, 10, False), (10, 10, False), (9, 9, True)]
    )
    def test_a_balance_says_whether_the_teams_cap_is_nearer(self, cap, left, team_is_short):
        balance = ledger.balance(make_user(team=make_team(quota=cap), quota=10))
        assert (balance.left, balance.team_is_short) == (left, team_is_short)

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

    def test_a_team_whose_cap_is_zero_can_spend_nothing(self):
        user = make_user(quota=10, team=make_team(quota=0))
        assert ledger.allowance_of(user.team).limit == 0
        with pytest.raises(InsufficientCredits):
            hold(user, 1)

    def test_a_write_off_gives_spent_credits_back(self, admin):
        user = make_user(quota=10)
        [generation] = hold(user, 7)
        ledger.settle(generation, 7)
        ledger.write_off(ledger.allowance_of(user), 2, actor=admin, reason="grey images")
        assert columns(user) == (10, 0, 0, 5)
        with pytest.raises(InvalidAmount):
            ledger.write_off(ledger.allowance_of(user), 6, actor=admin, reason="")
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
        month = f"{ledger.month_of(user.team):%Y-%m}"
        facts = {"before": 10, "after": 25, "month": month}
        assert record.facts == facts | {"entries": record.facts["entries"]}
        assert record.actor == admin
        assert record.payload.data == {"reason": "more work"}

    @pytest.mark.parametrize("change", [ledger.set_limit, ledger.top_up, write_off])
    def test_a_change_that_cannot_be_recorded_is_not_made(self, change, admin, monkeypatch):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        ledger.settle(generation, 4)
        entries = Entry.objects.count()

        def fail(*args, **kwargs):
            raise RuntimeError("the log cannot be written")

        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            change(user, 3, actor=admin, reason="")
        assert columns(user) == (10, 0, 0, 4)
        assert Entry.objects.count() == entries

    @pytest.mark.parametrize("change", [ledger.top_up, write_off])
    def test_at_least_one_credit_is_given(self, change, admin):
        user = make_user(quota=10)
        for credits in (0, -1):
            with pytest.raises(InvalidAmount):
                change(user, credits, actor=admin, reason="")
        assert columns(user) == (10, 0, 0, 0)

    @pytest.mark.parametrize("change", [ledger.set_limit, ledger.top_up])
    def test_a_team_without_a_cap_has_nothing_to_change(self, change, admin):
        team = make_team(quota=None)
        with pytest.raises(InvalidAmount, match="no cap"):
            change(team, 5, actor=admin, reason="")
        assert not Allowance.objects.filter(team=team).exists()

    def test_each_entry_says_who_made_it_why_and_at_which_price(self, admin):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        ledger.settle(generation, 3, actor=admin, reason="one came")
        entries = Entry.objects.filter(generation=generation).order_by("pk")
        assert list(entries.values_list("kind", "amount", "actor", "price", "reason")) == [
            (Entry.Kind.RESERVE, 4, user.pk, PRICE, ""),
            (Entry.Kind.SETTLE, 3, admin.pk, PRICE, "one came"),
            (Entry.Kind.RELEASE, 1, admin.pk, PRICE, "one came"),
        ]

    def test_a_top_up_and_a_write_off_are_entered_and_on_the_record(self, admin):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        ledger.settle(generation, 4)
        ledger.top_up(user, 5, actor=admin, reason="launch week")
        ledger.write_off(ledger.allowance_of(user), 3, actor=admin, reason="grey images")
        month = f"{ledger.month_of(user.team):%Y-%m}"
        for event, kind, credits, reason in (
            (Event.ALLOWANCE_TOPPED_UP, Entry.Kind.TOP_UP, 5, "launch week"),
            (Event.ALLOWANCE_WRITTEN_OFF, Entry.Kind.WRITE_OFF, 3, "grey images"),
        ):
            record, entry = Record.objects.get(event=event), Entry.objects.get(kind=kind)
            assert (record.actor, record.subject_id) == (admin, user.uuid)
            facts = {"credits": credits, "month": month, "entries": [audit.entries.digest(entry)]}
            assert record.facts == facts
            assert record.payload.data == {"reason": reason}
            assert (entry.amount, entry.actor, entry.reason) == (credits, admin, reason)


@pytest.mark.django_db
class TestTheDatabaseRefuses:
    def test_one_settlement_for_each_generation(self):
        user = make_user(quota=10)
        [generation] = hold(user, 4)
        reservation = Entry.objects.get(generation=generation)
        twice = {"allowance": reservation.allowance, "kind": Entry.Kind.SETTLE, "amount": 1}
        Entry.objects.create(generation=generation, **twice)
        with pytest.raises(IntegrityError), transaction.atomic():
            Entry.objects.create(generation=generation, **twice)

    def test_no_column_falls_below_zero(self):
        user = make_user(quota=10)
        ledger.allowance_of(user)
        with pytest.raises(IntegrityError), transaction.atomic():
            Allowance.objects.filter(user=user).update(reserved=F("reserved") - 1)

    @pytest.mark.parametrize("column", ["limit", "top_up", "reserved", "spent"])
    def test_drift_is_found_in_each_column(self, column):
        user = make_user(quota=10)
        hold(user, 4)
        sums = dict(zip(("limit", "top_up", "reserved", "spent"), columns(user), strict=True))
        Allowance.objects.filter(user=user).update(**{column: F(column) + 1})
        [drift] = ledger.reconcile()
        assert drift.sums == sums
        assert drift.columns == sums | {column: sums[column] + 1}


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


@pytest.mark.django_db
class TestHashes:
    def test_each_entry_is_in_the_record_of_its_act(self, alice, admin):
        ledger.set_limit(alice, 9, actor=admin, reason="a campaign")
        ledger.set_limit(alice, 9, actor=admin, reason="the same again")
        ledger.top_up(alice, 5, actor=admin, reason="a campaign")
        reserved = ledger.reserve(alice, {uuid.uuid4(): 3, uuid.uuid4(): 4}, price=PRICE)
        generation = Entry.objects.filter(kind=Entry.Kind.RESERVE).first().generation
        settled = ledger.settle(generation, 1).entries
        write_off(alice, 1, actor=admin, reason="grey")
        said = [
            sha
            for facts in Record.objects.values_list("facts", flat=True)
            for sha in facts.get("entries", [])
        ]
        stored = [audit.entries.digest(entry) for entry in Entry.objects.all()]
        assert sorted([*said, *reserved, *settled]) == sorted(stored)
        assert len(set(stored)) == len(stored) == 8

    @pytest.mark.parametrize(
        "change", [{"amount": 7}, {"kind": "limit"}, {"created_at": timezone.now()}]
    )
    def test_a_change_of_an_entry_changes_its_hash(self, alice, change):
        ledger.top_up(alice, 5, actor=None, reason="")
        entry = Entry.objects.get(kind=Entry.Kind.TOP_UP)
        before = audit.entries.digest(entry)
        vars(entry).update(change)
        assert audit.entries.digest(entry) != before
