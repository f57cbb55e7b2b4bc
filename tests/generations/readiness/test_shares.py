"""Shares of credits and budgets, and missing prices: told once for each cause and month."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts import ledger
from accounts.events import Event
from accounts.models import Allowance, Notice, PersonalNotice, Record, Team, User
from accounts.notices import notices_for, personal_for
from generations import budgets
from generations.models import Budget, BudgetMonth, Price
from generations.models.money import to_micros
from generations.readiness import shares
from tests.factories import make_team, make_user
from tests.generations.asking import DEMO
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


def use(owner, spent, *, reserved=0, limit=100):
    """Let the owner have used so many of 100 credits this month."""
    allowance = ledger.allowance_of(owner)
    Allowance.objects.filter(pk=allowance.pk).update(spent=spent, reserved=reserved, limit=limit)
    return allowance


def use_budget(budget, usd):
    budgets.follow(budget)
    BudgetMonth.objects.filter(budget=budget).update(spent=to_micros(Decimal(usd)))


def lasting():
    """The kind and the share of each open notice."""
    rows = Notice.objects.filter(ended_at__isnull=True).order_by("kind", "pk")
    return [(row.kind, row.facts["share"]) for row in rows]


class TestPeople:
    @pytest.mark.parametrize(
        ("spent", "reserved", "percent"), [(79, 0, None), (80, 0, 80), (70, 10, 80), (60, 40, 100)]
    )
    def test_reserved_credits_count_as_used(self, alice, spent, reserved, percent):
        use(alice, spent, reserved=reserved)
        shares.look()
        assert lasting() == ([("share:person", percent)] if percent else [])

    def test_admins_and_the_person_are_told_once(self, alice, admin):
        use(alice, 85)
        shares.look()
        shares.look()
        [shown] = notices_for(admin)
        assert "has used 80 % of the credits" in shown.title
        assert shown.to_do.startswith("85 of 100 credits are spent or reserved. At 100 % the")
        [own] = personal_for(alice)
        assert own.title == "15 credits are left of your 100 for this month"
        assert own.text.startswith("New ones come on 1 ")
        assert Record.objects.filter(event=Event.NOTICE_RAISED).count() == 1

    def test_all_of_it_takes_the_place_of_most_of_it(self, alice):
        use(alice, 85)
        shares.look()
        use(alice, 100)
        shares.look()
        assert lasting() == [("share:person", 100)]
        assert [each.title for each in personal_for(alice)] == [
            "Your credits for this month are used up",
            "15 credits are left of your 100 for this month",
        ]

    def test_a_cause_is_not_told_twice_in_a_month(self, alice):
        for spent in (85, 10, 90, 10, 95):
            use(alice, spent)
            shares.look()
        assert Notice.objects.count() == 1
        assert PersonalNotice.objects.count() == 1
        assert Record.objects.filter(event=Event.NOTICE_RAISED).count() == 1

    def test_it_ends_with_a_top_up_and_with_the_month(self, alice, bob, monkeypatch):
        use(alice, 85)
        use(bob, 85)
        shares.look()
        ledger.top_up(alice, 100, actor=None, reason="")
        shares.look()
        assert len(lasting()) == 1
        Allowance.objects.update(month="2020-01-01")
        shares.look()
        assert lasting() == []

    def test_nobody_is_told_of_people_who_have_left_or_have_no_credits(self, alice, bob):
        use(alice, 90)
        User.objects.filter(pk=alice.pk).update(is_active=False)
        use(bob, 0, limit=0)
        shares.look()
        assert lasting() == []

    def test_the_month_is_that_of_the_team(self):
        """A month that is over for the team, though not everywhere, is not told."""
        east = make_user(team=make_team(time_zone="Pacific/Kiritimati"))
        allowance = use(east, 90)
        before = (allowance.month - timedelta(days=1)).replace(day=1)
        Allowance.objects.filter(pk=allowance.pk).update(month=before)
        shares.look()
        assert lasting() == []

    def test_a_flood_is_told_bit_by_bit(self, team, monkeypatch):
        monkeypatch.setattr(shares, "MOST_AT_ONCE", 2)
        for _person in range(3):
            use(make_user(team=team), 90)
        shares.look()
        assert len(lasting()) == 2
        shares.look()
        assert len(lasting()) == 3

    def test_a_look_costs_the_same_for_any_number(self, team):
        for _person in range(2):
            use(make_user(team=team), 90)
        few = queries_of(shares.look)
        for _person in range(12):
            use(make_user(team=team), 90)
        shares.look()
        assert queries_of(shares.look) == few


def test_a_team_with_a_cap(alice):
    Team.objects.filter(pk=alice.team_id).update(quota=100)
    alice.team.refresh_from_db()
    use(alice.team, 100)
    shares.look()
    assert lasting() == [("share:team", 100)]
    Team.objects.filter(pk=alice.team_id).update(quota=None)
    shares.look()
    assert lasting() == []


@pytest.mark.parametrize(
    ("spent", "title"),
    [
        (80, "80 % of the budget of Aurora for {month} is used"),
        (100, "100 % of the budget of Aurora for {month} is used"),
    ],
)
def test_a_budget_of_a_team(alice, admin, spent, title):
    use_budget(Budget.objects.create(team=alice.team, usd=100), spent)
    shares.look()
    [shown] = notices_for(admin)
    assert shown.title == title.format(month=f"{timezone.now():%B %Y}")
    assert shown.to_do.startswith(f"${spent}.00 of $100.00 is spent or reserved.")


def test_the_budget_of_the_studio(admin):
    use_budget(Budget.objects.create(usd=50), 50)
    use_budget(Budget.objects.create(team=admin.team, usd=100), 79)
    shares.look()
    [shown] = notices_for(admin)
    assert shown.title == f"100 % of the studio's budget for {timezone.now():%B %Y} is used"


def test_a_missing_price_until_there_is_one(admin):
    price = Price.objects.filter(engine=DEMO, tier="4K")
    price.update(valid_from=timezone.now() + timedelta(days=1))
    shares.look()
    assert notices_for(admin)[0].title == f"There is no price for {DEMO} at 4K"
    price.update(valid_from=timezone.now())
    shares.look()
    assert not Notice.objects.filter(ended_at__isnull=True).exists()
