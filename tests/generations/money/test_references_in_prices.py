"""What providers charge for references is in every price that a person is shown or charged."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import ledger
from generations import pricing, submission
from generations.forms.compose import ComposeForm
from generations.forms.engine_list import engine_rows
from generations.models import EngineSetting, LastBill, Price
from generations.pricing import bills, defaults
from generations.providers.modelark import engines
from tests.generations.asking import DEMO, ask, request
from tests.generations.factories import make_generation, make_reference, make_run
from tests.generations.money.moving import ended

pytestmark = pytest.mark.django_db


@pytest.fixture
def dear():
    """The demo engine charges 0.3 credits and 0.003 USD for each reference after the first."""
    price = Price.objects.get(engine=DEMO, tier="2K")
    return Price.objects.create(
        engine=DEMO,
        tier="2K",
        credits=price.credits,
        cost_usd=Decimal("0.05"),
        credits_per_reference=Decimal("0.3"),
        cost_usd_per_reference=Decimal("0.003"),
        free_references=1,
    )


def references(user, count):
    return [make_reference(user) for _ in range(count)]


class TestPrice:
    def test_the_sum_of_an_image_is_rounded_up_to_whole_credits(self, dear):
        assert [dear.credits_of_image(n) for n in (0, 1, 2, 4, 5)] == [2, 2, 3, 3, 4]
        assert dear.usd_of_image(4) == Decimal("0.059")

    def test_seedream_5_pro_asks_for_what_its_provider_bills(self):
        [low, high] = engines.SEEDREAM_5_0_PRO.prices
        for suggested, pixels in ((low, 1), (high, engines.PRO_LOW_PIXELS + 1)):
            price = Price(**vars(suggested))
            for count in (0, 1, 2, 10):
                billed = engines.cost_usd("seedream-5-0-pro", 1, pixels, count)
                assert price.usd_of_image(count) == billed
                assert price.credits_of_image(count) * Decimal("0.01") >= billed

    @pytest.mark.parametrize(
        "figures",
        [
            {"credits": 0},
            {"credits": 100_001},
            {"cost_usd": "-0.01"},
            {"cost_usd": "1001"},
            {"credits_per_reference": "-1"},
            {"cost_usd_per_reference": "1001"},
        ],
    )
    def test_nothing_free_and_nothing_absurd(self, figures):
        good = {"engine": DEMO, "tier": "2K", "credits": 2, "cost_usd": "0.01"}
        with pytest.raises(ValidationError):
            Price(**good | figures).clean_fields()


class TestAsking:
    def test_button_list_reservation_and_settlement_agree(self, alice, dear):
        chosen = references(alice, 3)
        names = [str(each.uuid) for each in chosen]
        given = {"num_images": "4", "resolution": "2K", "references": names, "engine": DEMO}
        draft = ComposeForm.fitting(given, user=alice).draft
        [row] = [each for each in engine_rows(draft) if each.name == DEMO]
        asked = request(num_images=4, resolution="2K", references=chosen)
        assert draft.price == submission.quote(submission.as_generation_request(asked)) == 12
        assert row.price == "12 credits"

        run = submission.submit(alice, asked)
        assert ledger.balance(alice).reserved == 12
        ended(run.generations.first(), images=1)
        assert ledger.balance(alice).spent == 3

    def test_an_image_that_does_not_arrive_is_free_with_its_references(self, alice, dear):
        run = make_run(alice, wanted=4, open=4)
        generation = make_generation(run, price=dear, wanted=4, references=3)
        ledger.reserve(alice, {generation.uuid: 12}, price=dear.uuid)
        ended(generation, images=3)
        balance = ledger.balance(alice)
        assert (balance.spent, balance.reserved) == (9, 0)

    def test_more_like_this_costs_the_same(self, alice, dear):
        run = ask(alice, num_images=1, resolution="2K", references=references(alice, 2))
        assert submission.variation_of(run, actor=alice).credits == 3

    def test_references_that_are_set_aside_cost_nothing(self, alice, dear):
        most = ComposeForm(user=alice).draft.able.max_references
        names = [str(each.uuid) for each in references(alice, most + 2)]
        draft = ComposeForm.fitting({"references": names}, user=alice).draft
        assert draft.sent_references == most

    def test_a_new_price_touches_nothing_that_is_reserved(self, alice, dear):
        run = ask(alice, num_images=1, resolution="2K", references=references(alice, 2))
        Price.objects.create(engine=DEMO, tier="2K", credits=50, cost_usd=9)
        ended(run.generations.get(), images=1)
        assert ledger.balance(alice).spent == 3


class TestBook:
    def test_prices_of_the_past_are_not_read(self):
        old = Price.objects.get(engine=DEMO, tier="2K")
        for days in range(1, 4):
            moment = timezone.now() - timedelta(days=days)
            Price.objects.create(engine=DEMO, tier="2K", credits=9, cost_usd=1, valid_from=moment)
        assert pricing.prices_in_force([DEMO])[DEMO, "2K"] == old

    def test_a_tier_without_a_price_is_missing_until_it_has_one(self):
        assert pricing.missing() == []
        tomorrow = timezone.now() + timedelta(days=1)
        Price.objects.filter(engine=DEMO, tier="2K").update(valid_from=tomorrow)
        assert pricing.missing() == [(DEMO, "2K")]
        EngineSetting.objects.filter(engine=DEMO).update(is_on=False)
        assert pricing.missing() == []

    def test_the_last_bill_and_the_margin_stand_beside_the_price(self, alice, dear):
        run = make_run(alice, wanted=2, open=2)
        generation = make_generation(run, price=dear, wanted=2)
        for cost in ("0.20", "0.10"):
            bills.note_bill(generation, Decimal(cost), images=2)
        assert LastBill.objects.get().cost_usd == Decimal("0.05")
        [line] = [each for each in pricing.book() if (each.engine, each.tier) == (DEMO, "2K")]
        assert (line.price, line.margin) == (dear, Decimal(-150))
        assert line.is_loss

    def test_untouched_defaults_learn_what_references_cost(self):
        name = engines.SEEDREAM_5_0_PRO.name
        Price.objects.filter(engine=name).update(
            credits_per_reference=0,
            cost_usd_per_reference=0,
            free_references=0,
            valid_from=timezone.now() - timedelta(days=1),
        )
        Price.objects.filter(engine=name, tier="2K").update(source=Price.Source.ADMIN)
        for _ in range(2):
            defaults.add_default_prices()
        now = pricing.prices_in_force([name])
        assert now[name, "1K"].credits_per_reference == Decimal("0.3")
        assert now[name, "2K"].credits_per_reference == 0
        assert Price.objects.filter(engine=name).count() == 3
