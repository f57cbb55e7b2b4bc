"""Balances by day: joined without a gap, compared with our cost, told if they differ."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.events import Event
from accounts.models import Notice, Record
from accounts.notices import notices_for
from generations import balance_days
from generations.jobs import dispatch, provider_health
from generations.models import BalanceDay, Delivery, Generation, ProviderAccount
from generations.providers.types import ProviderBalance
from generations.readiness import balances
from generations.reading.provider_status.balances import days
from generations.states import Status
from tests.generations.asking import APIXO
from tests.generations.factories import make_generation, make_run
from tests.queries import queries_of

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def account(settings):
    keys = {"base_url": "https://api.apixo.ai/api/v1", "keys": {1: "one"}}
    settings.PROVIDERS = {"apixo": keys}
    settings.DEMO = False
    [account] = dispatch.accounts_here()
    return account


@pytest.fixture
def read(account, monkeypatch):
    """`read(hours, amount)`: a balance read so many hours after noon."""

    def read(hours, amount, unit="USD"):
        clock = SimpleNamespace(now=lambda: NOON + timedelta(hours=hours))
        monkeypatch.setattr("generations.jobs.provider_health.balances.timezone", clock)
        balance = ProviderBalance(amount=Decimal(str(amount)), unit=unit)
        provider_health.note_balance(account, balance)

    return read


def make_day(account, *, fell, days_ago=1, topped_up=0, unit="USD", **values):
    """A day of which the balance fell by `fell`, from noon to noon."""
    closing_at = timezone.now() - timedelta(days=days_ago)
    row = {"opening_at": closing_at - timedelta(days=1), "closing_at": closing_at, "unit": unit}
    row |= {"opening": 100, "closing": 100 + topped_up - fell, "topped_up": topped_up}
    return BalanceDay.objects.create(account=account, day=closing_at.date(), **row | values)


def make_sent(account, user, status=Status.SUCCEEDED, *, cost="1.00", **values):
    """A generation that was sent in the middle of the day of `make_day`."""
    generation = make_generation(make_run(user, engine=APIXO), status, account=account, **values)
    sent = {"submitted_at": timezone.now() - timedelta(days=1, hours=12), "cost_usd": cost}
    Generation.objects.filter(pk=generation.pk).update(**sent)
    return generation


def told():
    return Notice.objects.filter(kind="provider:drift", ended_at__isnull=True).count()


class TestReadings:
    def test_a_day_begins_with_the_last_reading_of_the_day_before(self, read, account):
        for hours, amount in ((0, 50), (6, 48), (11, 47), (13, 46), (20, 40)):
            read(hours, amount)
        first, second = BalanceDay.objects.order_by("day")
        assert (first.opening, first.closing, first.fell) == (50, 47, 3)
        assert (second.opening, second.closing, second.fell) == (47, 40, 7)
        assert second.opening_at == first.closing_at

    def test_a_rise_is_a_top_up_unless_it_is_small(self, read):
        for hours, amount in ((0, 50), (1, 45), (2, 145), (3, 140), (4, "140.50")):
            read(hours, amount)
        row = BalanceDay.objects.get()
        assert (row.topped_up, row.fell) == (100, Decimal("9.5"))

    def test_another_key_or_unit_begins_anew(self, read, account):
        read(0, 50)
        provider_health.note_new_key(account, "another")
        read(1, 10)
        read(2, 9)
        row = BalanceDay.objects.get()
        assert (row.opening, row.fell) == (10, 1)
        read(3, 800, unit="credits")
        row.refresh_from_db()
        assert (row.opening, row.fell, row.unit) == (800, 0, "credits")


class TestComparing:
    def test_a_day_that_agrees(self, account, alice):
        row = make_day(account, fell=Decimal("1.50"))
        make_sent(account, alice, cost="1.00")
        balances.look()
        row.refresh_from_db()
        assert (row.cost_usd, row.difference, row.is_off) == (1, Decimal("0.50"), False)
        assert told() == 0

    def test_a_day_that_differs_with_what_may_explain_it(self, account, alice, admin):
        row = make_day(account, fell=9)
        make_sent(account, alice, cost="1.00")
        lost = make_sent(account, alice, cost="0.00", wanted=2)
        Delivery.objects.create(generation=lost, index=0, status=Delivery.Status.FAILED)
        doubtful = [
            make_sent(account, alice, status, cost=None)
            for status in (Status.UNKNOWN, Status.CANCELLED, Status.FAILED)
        ]
        balances.look()
        row.refresh_from_db()
        explained = {each["generation"] for each in row.explained_by}
        assert explained == {each.pk for each in (*doubtful, lost)}
        assert row.explained_by[0]["generation"] == lost.pk
        [shown] = notices_for(admin)
        assert shown.title.endswith("the balance fell by $9.00, and our cost is $1.00")
        assert Record.objects.filter(event=Event.NOTICE_RAISED).count() == 1

    def test_the_notice_ends_when_the_cost_is_known(self, account, alice):
        make_day(account, fell=9)
        generation = make_sent(account, alice, Status.UNKNOWN, cost=None)
        balances.look()
        assert told() == 1
        Generation.objects.filter(pk=generation.pk).update(cost_usd=9)
        balances.look()
        assert told() == 0

    @pytest.mark.parametrize(
        ("fell", "cost", "is_off"),
        [
            (Decimal("1.9"), 1, False),  # below the amount
            (103, 100, False),  # below the share
            (106, 100, True),
            (90, 100, True),
        ],
    )
    def test_both_bounds_count(self, account, fell, cost, is_off):
        row = make_day(account, fell=fell, cost_usd=cost)
        assert balance_days.is_off(row) == is_off

    def test_a_top_up_may_hide_some_use_but_no_surplus(self, account):
        hidden = make_day(account, fell=90, topped_up=50, cost_usd=100)
        assert not balance_days.is_off(hidden)
        surplus = make_day(account, fell=150, topped_up=50, cost_usd=100, days_ago=2)
        assert balance_days.is_off(surplus)

    def test_credits_are_not_compared(self, account, alice):
        row = make_day(account, fell=900, unit="credits")
        balances.look()
        row.refresh_from_db()
        assert row.cost_usd is None
        assert told() == 0

    def test_today_is_compared_when_it_is_over(self, account):
        row = make_day(account, fell=9, days_ago=0)
        balances.look()
        row.refresh_from_db()
        assert row.cost_usd is None

    def test_days_are_deleted_after_a_year_or_so(self, account):
        make_day(account, fell=9, days_ago=401)
        balances.look()
        assert not BalanceDay.objects.exists()


class TestPage:
    @pytest.fixture
    def page(self, admin, sign_in):
        client = sign_in(admin)

        def page():
            return client.get(reverse("providers")).content.decode()

        return page

    def test_a_day_with_its_difference_and_links(self, account, alice, page):
        make_day(account, fell=59, topped_up=50)
        generation = make_sent(account, alice, Status.UNKNOWN, cost=None)
        balances.look()
        text = page()
        for part in ("$59.00", "$0.00", "Topped up by $50.00", "The balance fell by more"):
            assert part in text
        assert reverse("admin:generations_generation_change", args=[generation.pk]) in text

    def test_what_is_not_comparable_says_so(self, account, page):
        make_day(account, fell=59, unit="credits")
        text = page()
        assert "59.00 credits" in text
        assert "Not comparable: the provider does not count in US dollars" in text

    def test_a_day_of_a_provider_that_is_gone_is_left_out(self, account):
        make_day(account, fell=1)
        ProviderAccount.objects.update(provider="former")
        assert days() == []

    def test_it_costs_the_same_for_any_number(self, account, page):
        make_day(account, fell=1)
        few = queries_of(page)
        for days_ago in range(2, 14):
            make_day(account, fell=9, days_ago=days_ago, cost_usd=1, is_off=True)
        assert queries_of(page) == few
