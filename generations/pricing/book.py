"""The price book: each engine's tiers with their prices, last bills and margins."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from generations.models import CreditValue, EngineSetting, LastBill, Price
from generations.pricing.quoting import in_force, prices_in_force
from generations.providers import registry
from generations.providers.capabilities import Engine

Offer = tuple[str, str]  # engine and tier


@dataclass(frozen=True)
class Line:
    """What the book says of one tier of an engine.

    `price` is the one in force, or None. `scheduled` are those to come, the next one first: it ends
    the one in force. `bill` is the last cost that the provider named. `credit_usd` is the value of
    a credit in US dollars.
    """

    engine: str
    tier: str
    price: Price | None
    scheduled: tuple[Price, ...]
    bill: LastBill | None
    credit_usd: Decimal

    @property
    def next(self) -> Price | None:
        return self.scheduled[0] if self.scheduled else None

    @property
    def margin(self) -> Decimal | None:
        """The share of the price that the studio keeps, in per cent; below zero for a loss."""
        return margin(self.price, self.price.cost_usd, self.credit_usd) if self.price else None

    @property
    def billed_margin(self) -> Decimal | None:
        """As `margin`, with what the provider billed last instead of the cost in the book."""
        if not self.price or not self.bill:
            return None
        return margin(self.price, self.bill.cost_usd, self.credit_usd, self.bill.references)

    @property
    def is_loss(self) -> bool:
        """Whether an image costs more than it brings in, by the book or by the last bill."""
        return any(each is not None and each < 0 for each in (self.margin, self.billed_margin))

    @property
    def reference_is_loss(self) -> bool:
        """Whether a further reference costs more than it brings in."""
        price = self.price
        if price is None:
            return False
        return price.credits_per_reference * self.credit_usd < price.cost_usd_per_reference


def margin(price: Price, cost: Decimal, credit_usd: Decimal, references: int = 0) -> Decimal:
    """What of a price is left after `cost` US dollars, in per cent of the price."""
    income = price.credits_of_image(references) * credit_usd
    return (income - cost) / income * 100


def credit_value() -> Decimal:
    """What one credit is worth, in US dollars."""
    usd = CreditValue.objects.filter(pk=CreditValue.ONLY).values_list("usd", flat=True).first()
    return usd if usd is not None else CreditValue._meta.get_field("usd").get_default()


def book() -> list[Line]:
    """A line for each tier of each known engine, by provider and name; four queries in all."""
    offers = [(engine.name, each.tier) for engine in _by_name() for each in engine.prices]
    now = prices_in_force({engine for engine, _tier in offers})
    scheduled, value = _scheduled(), credit_value()
    bills = {(bill.engine, bill.tier): bill for bill in LastBill.objects.all()}
    return [
        Line(
            engine=engine,
            tier=tier,
            price=now.get((engine, tier)),
            scheduled=tuple(scheduled[engine, tier]),
            bill=bills.get((engine, tier)),
            credit_usd=value,
        )
        for engine, tier in offers
    ]


def missing() -> list[Offer]:
    """The engines and tiers that people are offered although no price is in force: runs fail there.

    Engines count that have a key and are switched on.
    """
    off = set(EngineSetting.objects.filter(is_on=False).values_list("engine", flat=True))
    offers = [
        (engine.name, each.tier)
        for engine in registry.engines().values()
        for each in engine.prices
        if engine.name not in off
    ]
    rows = in_force(Price.objects.filter(engine__in={engine for engine, _tier in offers}))
    known = set(rows.values_list("engine", "tier"))
    return [offer for offer in offers if offer not in known]


def _by_name() -> Iterable[Engine]:
    return sorted(registry.known_engines().values(), key=lambda engine: engine.name)


def _scheduled() -> dict[Offer, list[Price]]:
    found: dict[Offer, list[Price]] = defaultdict(list)
    for price in Price.objects.filter(valid_from__gt=timezone.now()).order_by("valid_from", "id"):
        found[price.engine, price.tier].append(price)
    return found
