"""What a run costs. The button and the reservation use the same functions."""

from collections.abc import Collection

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from generations.models import Price
from generations.providers import registry
from generations.providers.capabilities import provider_of
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
    """The prices in force at `engines`, by engine and tier, in one query.

    Prices of the past are left out in the database, however many there are.
    """
    found = in_force(Price.objects.filter(engine__in=engines))
    return {(price.engine, price.tier): price for price in found}


def in_force(prices: QuerySet[Price]) -> QuerySet[Price]:
    """Those of `prices` that are in force now: the newest of each engine and tier."""
    now = timezone.now()
    newer = Price.objects.filter(
        engine=OuterRef("engine"),
        tier=OuterRef("tier"),
        valid_from__lte=now,
        valid_from__gt=OuterRef("valid_from"),
    )
    return prices.filter(~Exists(newer), valid_from__lte=now)


def credits_for(price: Price, images: int, *, references: int = 0) -> int:
    """Credits for so many images, each made from so many references."""
    return price.credits_of_image(references) * images


def credits_in_words(credits: int) -> str:
    """An amount as a button shows it, such as “8 credits”."""
    return ngettext("%(count)d credit", "%(count)d credits", credits) % {"count": credits}
