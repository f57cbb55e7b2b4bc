"""What a run costs. The button and the reservation use the same functions."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import ngettext

from generations.models import Price
from generations.providers import registry
from generations.providers.capabilities import Engine, provider_of
from generations.providers.types import GenerationRequest


def price_of(request: GenerationRequest) -> Price | None:
    """The price in force for one image of `request`; None if there is none."""
    adapter = registry.adapter_class(provider_of(request.engine))
    return price_in_force(request.engine, adapter.tier(request))


def price_in_force(engine: str, tier: str) -> Price | None:
    return (
        Price.objects.filter(engine=engine, tier=tier, valid_from__lte=timezone.now())
        .order_by("-valid_from", "-id")
        .first()
    )


def prices_in_force(engines: Collection[str]) -> dict[tuple[str, str], Price]:
    """The prices in force at `engines`, by engine and tier, in one query."""
    valid = Price.objects.filter(engine__in=engines, valid_from__lte=timezone.now())
    return {(price.engine, price.tier): price for price in valid.order_by("valid_from", "id")}


def credits_in_force(engines: Collection[str]) -> dict[tuple[str, str], int]:
    """The credits for an image at `engines` now, by engine and tier, in one query."""
    valid = Price.objects.filter(engine__in=engines, valid_from__lte=timezone.now())
    rows = valid.order_by("valid_from", "id").values_list("engine", "tier", "credits")
    return {(engine, tier): credits for engine, tier, credits in rows}


def credits_for(price: Price, images: int) -> int:
    return price.credits * images


def credits_in_words(credits: int) -> str:
    """An amount as a button shows it, such as “8 credits”."""
    return ngettext("%(count)d credit", "%(count)d credits", credits) % {"count": credits}


def add_default_prices(**kwargs: Any) -> None:
    """Receiver of `post_migrate`: add each engine's suggested prices for tiers without a price."""
    engines = registry.known_engines().values()
    using = kwargs.get("using", "default")
    known = set(Price.objects.using(using).values_list("engine", "tier"))
    missing = [
        price
        for engine in engines
        for price in _suggested(engine)
        if (price.engine, price.tier) not in known
    ]
    with transaction.atomic(using=using):
        Price.objects.using(using).bulk_create(missing)


def _suggested(engine: Engine) -> list[Price]:
    return [
        Price(
            engine=engine.name,
            tier=suggested.tier,
            credits=suggested.credits,
            cost_usd=suggested.cost_usd,
            source=Price.Source.DEFAULT,
        )
        for suggested in engine.prices
    ]
