"""Top-ups with an end: what is unused is taken back, once, in the time zone of the team."""

import datetime as dt
import uuid
from types import SimpleNamespace

import pytest

from accounts import ledger, notices
from accounts.errors import InvalidAmount
from accounts.events import Event
from accounts.ledger import adjusting, ending, months
from accounts.models import Allowance, Entry, Record, TopUp
from tests.factories import make_team, make_user

PRICE = uuid.uuid4()


@pytest.fixture
def at(monkeypatch):
    """Set the time that the ledger reads, as UTC."""

    def set_time(text):
        moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
        now = SimpleNamespace(now=lambda: moment)
        for module in (adjusting, ending, months):
            monkeypatch.setattr(module, "timezone", now)

    return set_time


def give(owner, credits, day=None, **values):
    ends_on = dt.date.fromisoformat(day) if day else None
    return ledger.top_up(owner, credits, actor=None, reason="spring", ends_on=ends_on, **values)


def reserve(user, credits):
    generation = uuid.uuid4()
    ledger.reserve(user, {generation: credits}, price=PRICE)
    return generation


def total(user):
    return Allowance.objects.filter(user=user).latest("month").total


@pytest.mark.django_db
class TestTheEnd:
    @pytest.mark.parametrize(
        ("used", "taken", "left"), [(0, 50, 10), (30, 30, 0), (60, 0, 0), (10, 50, 0)]
    )
    def test_only_what_is_unused_is_taken_back(self, at, used, taken, left):
        at("2026-11-10T12:00")
        user = make_user(quota=10)
        give(user, 50, "2026-11-20")
        if used:
            reserve(user, used)
        at("2026-11-21T00:00")

        assert ledger.end_top_ups() == 1

        allowance = Allowance.objects.get(user=user)
        assert (allowance.top_up, allowance.left) == (50 - taken, left)
        assert TopUp.objects.get().taken_back == taken
        assert ledger.reconcile() == []

    def test_it_ends_once_with_entry_record_and_notice(self, at):
        at("2026-11-10T12:00")
        user = make_user(quota=10)
        give(user, 50, "2026-11-20")
        at("2026-11-21T00:00")
        ledger.end_top_ups()

        assert ledger.end_top_ups() == 0
        entry = Entry.objects.get(kind=Entry.Kind.TOP_UP, amount__lt=0)
        assert (entry.amount, entry.reason) == (-50, "The top-up has ended.")
        record = Record.objects.get(event=Event.ALLOWANCE_TOP_UP_ENDED)
        expected = {"credits": 50, "given": 50, "ends_on": "2026-11-20", "month": "2026-11"}
        assert record.facts == expected | {"entries": [entry.digest]}
        titles = {each.title for each in notices.personal_for(user)}
        assert "A top-up has ended: 50 unused credits were taken back" in titles

    def test_nothing_ends_before_its_day_is_over(self, at):
        at("2026-11-10T12:00")
        give(user := make_user(quota=10), 50, "2026-11-20")
        at("2026-11-20T23:59")
        assert ledger.end_top_ups() == 0
        assert total(user) == 60

    def test_several_give_back_no_more_than_each_gave(self, at):
        at("2026-11-10T12:00")
        user = make_user(quota=100)
        give(user, 50, "2026-11-15")
        give(user, 40, "2026-11-15")
        give(user, 30, "2026-11-25")
        reserve(user, 120)  # of 220
        at("2026-11-16T00:00")
        assert ledger.end_top_ups() == 2
        assert total(user) == 130
        at("2026-11-26T00:00")
        ledger.end_top_ups()
        assert total(user) == 120
        assert list(TopUp.objects.order_by("pk").values_list("taken_back", flat=True)) == [
            50, 40, 10,
        ]  # fmt: skip
        assert ledger.reconcile() == []

    def test_a_lowered_limit_is_no_reason_to_take_more(self, at):
        at("2026-11-10T12:00")
        user = make_user(quota=100)
        give(user, 50, "2026-11-15")
        reserve(user, 120)
        ledger.set_limit(user, 0, actor=None, reason="")
        at("2026-11-16T00:00")
        ledger.end_top_ups()
        assert TopUp.objects.get().taken_back == 0
        assert total(user) == 50

    def test_one_that_fails_keeps_none_of_the_others(self, at, monkeypatch):
        at("2026-11-10T12:00")
        users = [make_user(quota=10), make_user(quota=10)]
        for user in users:
            give(user, 5, "2026-11-15")
        at("2026-11-16T00:00")
        really = ending._take_back

        def fail_once(allowance, *args):
            if allowance.user == users[0]:
                raise RuntimeError
            really(allowance, *args)

        monkeypatch.setattr(ending, "_take_back", fail_once)
        assert ledger.end_top_ups() == 1
        assert [total(user) for user in users] == [15, 10]
        monkeypatch.undo()

    @pytest.mark.parametrize(
        ("zone", "before", "after"),
        [
            ("Pacific/Pago_Pago", "2026-11-21T10:59", "2026-11-21T11:00"),
            ("Pacific/Kiritimati", "2026-11-20T09:59", "2026-11-20T10:00"),
            # Clocks go back on 25 October, forward on 29 March.
            ("Europe/Berlin", "2026-10-25T22:59", "2026-10-25T23:00"),
            ("Europe/Berlin", "2026-03-29T21:59", "2026-03-29T22:00"),
        ],
    )
    def test_the_day_is_over_at_midnight_of_the_team(self, at, zone, before, after):
        at(before)
        user = make_user(quota=10, team=make_team(time_zone=zone))
        give(user, 5, ending_day(before, user.team))
        assert ledger.end_top_ups() == 0
        at(after)
        assert ledger.end_top_ups() == 1
        assert total(user) == 10


def ending_day(utc, team):
    moment = dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)
    return moment.astimezone(team.tzinfo).date().isoformat()


@pytest.mark.django_db
class TestRefusals:
    @pytest.mark.parametrize(
        ("day", "message"),
        [("2026-12-01", "30 November at the latest"), ("2026-11-09", "today or later")],
    )
    def test_an_end_in_another_month_or_in_the_past(self, at, day, message):
        at("2026-11-10T12:00")
        with pytest.raises(InvalidAmount, match=message):
            give(make_user(), 5, day)
        assert not TopUp.objects.exists()

    def test_today_and_the_last_day_are_those_of_the_team(self, at):
        at("2026-11-30T11:00")  # in Kiritimati it is December
        user = make_user(team=make_team(time_zone="Pacific/Kiritimati"))
        give(user, 5, "2026-12-01")
        with pytest.raises(InvalidAmount):
            give(user, 5, "2026-11-30")

    def test_the_same_form_adds_once(self):
        user, token = make_user(quota=10), uuid.uuid4()
        give(user, 5, token=token)
        with pytest.raises(InvalidAmount, match="sent before"):
            give(user, 5, token=token)
        assert total(user) == 15
        give(make_user(quota=10), 5, token=token)  # of the same form, another person

    def test_more_than_anybody_means(self):
        user = make_user(quota=10)
        give(user, ledger.MAX_CREDITS)
        with pytest.raises(InvalidAmount, match="together"):
            give(user, 1)
        assert total(user) == ledger.MAX_CREDITS + 10


@pytest.mark.django_db
class TestOrigin:
    def test_it_says_where_the_limit_comes_from_and_what_was_added_until_when(self, at):
        at("2026-11-10T12:00")
        user = make_user(team=make_team(name="Brand", member_quota=100))
        assert ledger.balance(user).origin == "from team Brand"
        give(user, 150)
        give(user, 50, "2026-11-30")
        assert ledger.balance(user).origin == "from team Brand, +200 until 30 Nov"
        give(user, 20, "2026-11-20")
        assert ledger.balance(user).origin == "from team Brand, +20 until 20 Nov, +200 until 30 Nov"

    def test_a_balance_without_a_top_up_needs_one_query(self, django_assert_num_queries):
        user = make_user(quota=10)
        ledger.allowance_of(user)
        with django_assert_num_queries(1):
            ledger.balance(user)


@pytest.mark.django_db
class TestPeopleWhoMove:
    def test_credits_held_are_settled_where_they_were_reserved(self):
        old, new = make_team(quota=100), make_team(quota=100, time_zone="Pacific/Kiritimati")
        user = make_user(quota=50, team=old)
        generation = reserve(user, 20)
        user.team = new
        user.save()

        ledger.settle(generation, 15)

        assert Allowance.objects.get(team=old).spent == 15
        assert not Allowance.objects.filter(team=new).exclude(spent=0, reserved=0).exists()
        mine = Allowance.objects.get(user=user)
        assert (mine.spent, mine.reserved) == (15, 0)
        assert ledger.reconcile() == []

    def test_a_deactivated_persons_credits_are_settled_too(self):
        user = make_user(quota=50)
        generation = reserve(user, 20)
        user.is_active = False
        user.save()
        assert ledger.settle(generation, 5).released == 15
        assert ledger.reconcile() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "moment", "month"),
    [
        ("Pacific/Pago_Pago", "2026-12-01T10:59", "2026-11-01"),
        ("Pacific/Pago_Pago", "2026-12-01T11:00", "2026-12-01"),
        ("Pacific/Kiritimati", "2026-11-30T09:59", "2026-11-01"),
        ("Pacific/Kiritimati", "2026-11-30T10:00", "2026-12-01"),
        ("America/New_York", "2026-11-01T03:59", "2026-10-01"),  # clocks go back at 06:00 UTC
        ("America/New_York", "2026-11-01T04:00", "2026-11-01"),
    ],
)
def test_a_month_ends_at_midnight_of_the_team(at, zone, moment, month):
    at(moment)
    user = make_user(quota=10, team=make_team(time_zone=zone))
    assert ledger.allowance_of(user).month == dt.date.fromisoformat(month)
