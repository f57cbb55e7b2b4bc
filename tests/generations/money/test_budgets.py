"""Budgets in US dollars: reserved with the credits, resolved once, proven from generations."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from accounts import ledger
from generations import budgets, submission
from generations.budgets.months import used_without
from generations.jobs import decisions, lifecycle
from generations.models import Budget, BudgetMonth, Generation, Price, Run
from generations.models.money import to_micros, to_usd
from generations.states import Status
from generations.submission import SubmissionRefused
from tests.factories import make_team, make_user
from tests.generations.asking import DEMO, ask
from tests.generations.money.moving import ended
from tests.queries import queries_of

COST = Decimal("0.05")


def give_price():
    Price.objects.filter(engine=DEMO).update(cost_usd=COST)


def set_budget(team, usd, *, blocks=True):
    budget = Budget.objects.create(team=team, usd=usd, blocks=blocks)
    budgets.follow(budget)
    return budget


def figures(budget):
    month = BudgetMonth.objects.get(budget=budget)
    return tuple(to_usd(each) for each in (month.before, month.reserved, month.spent))


@pytest.fixture
def price(db):
    give_price()


@pytest.mark.usefixtures("price")
class TestReserving:
    def test_team_and_studio_pay_both(self, alice):
        own, studio = set_budget(alice.team, 1), set_budget(None, 10)
        ask(alice, num_images=4)
        assert figures(own) == figures(studio) == (0, Decimal("0.20"), 0)
        assert budgets.reconcile() == []

    def test_what_arrived_is_spent_and_the_rest_released(self, alice):
        budget = set_budget(alice.team, 1)
        first, second = ask(alice, num_images=2).generations.all()
        ended(first, images=1)
        ended(second, images=0)
        assert figures(budget) == (0, 0, COST)
        assert budgets.reconcile() == []

    def test_a_run_that_does_not_fit_is_refused_as_a_whole(self, alice):
        budget = set_budget(alice.team, Decimal("0.12"))
        with pytest.raises(SubmissionRefused) as refused:
            ask(alice, num_images=3)
        assert "does not cover this" in refused.value.message
        assert "USD" not in refused.value.message
        assert figures(budget) == (0, 0, 0)
        assert not Run.objects.exists()
        assert ledger.balance(alice).reserved == 0
        assert ask(alice, num_images=2)

    def test_a_person_is_told_when_the_budget_renews(self, alice):
        set_budget(alice.team, Decimal("0.05"))
        ask(alice, num_images=1)
        with pytest.raises(SubmissionRefused) as refused:
            ask(alice, num_images=1)
        month = budgets.month_of(alice.team)
        assert f"Your team's budget for {month:%B} is used up." in refused.value.message
        assert "ask an admin" in refused.value.message

    def test_who_may_see_budgets_is_told_the_amounts(self, alice, admin):
        budget = set_budget(None, Decimal("0.12"))
        error = budgets.BudgetUsedUp(budget.months.get(), Decimal("0.15"))
        assert "0.12 USD left, and this needs 0.15 USD" in error.in_words(with_amounts=True)
        assert error.in_words(with_amounts=False).startswith("What is left of the studio's")

    def test_a_budget_that_does_not_block_only_counts(self, alice):
        budget = set_budget(alice.team, Decimal("0.05"), blocks=False)
        ask(alice, num_images=3)
        [standing] = budgets.standing()
        assert (standing.owner, standing.share) == (alice.team, pytest.approx(3.0))
        assert figures(budget)[1] == Decimal("0.15")

    def test_the_provider_may_bill_more_without_stopping_anybody(self, alice):
        budget = set_budget(alice.team, Decimal("0.10"))
        [generation] = ask(alice, num_images=1).generations.all()
        ended(generation, images=1)
        generation.refresh_from_db()
        lifecycle.usage.costed(generation, Decimal("5.00"))
        month = budget.months.get()
        assert budgets.actual_costs([month]) == {month.pk: Decimal(5)}
        assert ask(alice, num_images=1)

    def test_without_budgets_one_query_is_asked(self, alice):
        ask(alice, num_images=1)
        assert queries_of(lambda: budgets.months_of(alice.team)) == 1

    def test_other_teams_are_not_concerned(self, alice):
        budget = set_budget(make_team(), Decimal("0.01"))
        assert ask(alice, num_images=1)
        assert figures(budget) == (0, 0, 0)

    def test_a_budget_without_an_amount_is_none(self, alice):
        Budget.objects.create(team=alice.team, usd=None, blocks=True)
        assert ask(alice, num_images=1)
        assert budgets.standing() == []


@pytest.mark.usefixtures("price")
class TestEnds:
    def unknown(self, user):
        [generation] = ask(user, num_images=1).generations.all()
        claim = {"claimed_by": "w", "submit_token": generation.uuid}
        lifecycle.move(generation, Status.SUBMITTING, changes=claim)
        lifecycle.move(generation, Status.UNKNOWN)
        return generation

    def test_an_accepted_charge_is_spent(self, alice, admin):
        budget = set_budget(alice.team, 1)
        decisions.accept_charge(self.unknown(alice), actor=admin, reason="billed")
        assert figures(budget) == (0, 0, COST)
        assert budgets.reconcile() == []

    def test_images_that_come_late_change_nothing(self, alice, admin):
        budget = set_budget(alice.team, 1)
        generation = self.unknown(alice)
        decisions.release(generation, actor=admin, reason="lost")
        generation.refresh_from_db()
        lifecycle.move(generation, Status.STORING)
        lifecycle.move(generation, Status.SUCCEEDED, changes={"delivered": 1})
        assert figures(budget) == (0, 0, 0)
        assert budgets.reconcile() == []

    def test_a_new_price_changes_nothing_that_is_reserved(self, alice):
        budget = set_budget(alice.team, 1)
        [generation] = ask(alice, num_images=1).generations.all()
        Price.objects.create(engine=DEMO, tier="2K", credits=9, cost_usd=9)
        ended(generation, images=1)
        assert figures(budget) == (0, 0, COST)


@pytest.mark.usefixtures("price")
class TestMonths:
    def test_a_budget_counts_what_the_month_cost_before(self, alice):
        [first, _second] = ask(alice, num_images=2).generations.all()
        ended(first, images=1)
        budget = set_budget(alice.team, 1)
        assert figures(budget) == (Decimal("0.10"), 0, 0)
        ask(alice, num_images=1)
        assert figures(budget) == (Decimal("0.10"), COST, 0)

    def test_months_begin_in_the_zone_of_their_owner(self):
        moment = dt.datetime(2026, 11, 30, 11, 30, tzinfo=dt.UTC)
        east = make_team(time_zone="Pacific/Kiritimati")  # UTC+14
        west = make_team(time_zone="Pacific/Pago_Pago")  # UTC-11
        assert budgets.month_of(east, moment) == dt.date(2026, 12, 1)
        assert budgets.month_of(west, moment) == dt.date(2026, 11, 1)
        assert budgets.month_of(None, moment) == dt.date(2026, 11, 1)

    def test_a_new_month_begins_with_nothing_used(self, alice):
        budget = set_budget(alice.team, 1)
        month = budget.months.get()
        last = (month.month - dt.timedelta(days=1)).replace(day=1)
        BudgetMonth.objects.filter(pk=month.pk).update(month=last, spent=to_micros(Decimal(1)))
        assert ask(alice, num_images=1)
        assert budget.months.count() == 2

    def test_the_month_of_the_reservation_pays(self, alice):
        budget = set_budget(alice.team, 1)
        [generation] = ask(alice, num_images=1).generations.all()
        old = budget.months.get()
        last = (old.month - dt.timedelta(days=1)).replace(day=1)
        BudgetMonth.objects.filter(pk=old.pk).update(month=last)
        ask(alice, num_images=1)
        ended(generation, images=1)
        old.refresh_from_db()
        assert (old.reserved, to_usd(old.spent)) == (0, COST)
        assert budgets.reconcile() == []

    def test_a_changed_budget_is_in_force_at_once(self, alice):
        budget = set_budget(alice.team, Decimal("0.05"))
        ask(alice, num_images=1)
        budget.usd = Decimal("0.10")
        budget.save()
        budgets.follow(budget)
        assert ask(alice, num_images=1)
        assert figures(budget) == (0, Decimal("0.10"), 0)

    def test_the_studio_counts_by_its_own_days(self, alice):
        ask(alice, num_images=1)
        budget = Budget.objects.create(usd=1)
        month = budgets.month_of(None)
        assert used_without(budget, month) == to_micros(COST)
        Generation.objects.update(created_at=timezone.now() - dt.timedelta(days=62))
        assert used_without(budget, month) == 0


@pytest.mark.usefixtures("price")
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ({"spent": 1}, "spent"),
        ({"reserved": 7}, "reserved"),
    ],
)
def test_a_sum_that_generations_do_not_explain_is_found(alice, damage, found):
    set_budget(alice.team, 1)
    ask(alice, num_images=1)
    BudgetMonth.objects.update(**damage)
    [drift] = budgets.reconcile()
    assert drift.columns[found] == damage[found] != drift.sums[found]


@pytest.mark.usefixtures("price")
def test_a_generation_that_ended_unsettled_is_found(alice):
    set_budget(alice.team, 1)
    ask(alice, num_images=1)
    Generation.objects.update(status=Status.CANCELLED)
    [drift] = budgets.reconcile()
    assert (drift.unresolved, drift.early) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_of_16_presses_at_once_one_gets_the_last_dollar():
    give_price()
    people = [make_user(quota=100, team=make_team()) for _ in range(4)]
    budget = set_budget(None, COST)
    for person in people:
        ledger.allowance_of(person)

    def press(number):
        try:
            return bool(ask(people[number % 4], num_images=1))
        except SubmissionRefused:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(press, range(16))) == 1
    assert figures(budget) == (0, COST, 0)
    assert budgets.reconcile() == []
    assert ledger.reconcile() == []


@pytest.mark.usefixtures("price")
def test_a_refusal_is_on_the_record_with_its_reason(alice):
    set_budget(alice.team, Decimal("0.01"))
    with pytest.raises(SubmissionRefused) as refused:
        ask(alice, num_images=1)
    assert submission.why(refused.value) == "budget_used_up"
