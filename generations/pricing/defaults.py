"""The prices that adapters suggest, for a studio that has set none."""

from typing import Any

from django.apps import apps as installed_apps
from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, transaction

from generations.models import Price
from generations.providers import registry
from generations.providers.capabilities import SuggestedPrice

# What a provider charges for references besides an image.
EXTRAS = ("credits_per_reference", "cost_usd_per_reference", "free_references")


def add_default_prices(**kwargs: Any) -> None:
    """Receiver of `post_migrate`: add each engine's suggested prices for tiers without a price.

    A suggested price of before, which nobody has changed, also gets a successor if it lacks what
    the provider charges for references. Does nothing as long as only some migrations have been
    applied.
    """
    using = kwargs.get("using", DEFAULT_DB_ALIAS)
    try:
        model = (kwargs.get("apps") or installed_apps).get_model("generations", "Price")
        model._meta.get_field(EXTRAS[0])
    except (LookupError, FieldDoesNotExist):
        return
    newest = {
        (row.engine, row.tier): row
        for row in model.objects.using(using).order_by("valid_from", "id")
    }
    missing = [
        model(engine=name, source=Price.Source.DEFAULT, **vars(each))
        for name, engine in registry.known_engines().items()
        for each in engine.prices
        if _is_missing(newest.get((name, each.tier)), each)
    ]
    with transaction.atomic(using=using):
        model.objects.using(using).bulk_create(missing)


def _is_missing(row: Any, suggested: SuggestedPrice) -> bool:
    if row is None:
        return True
    is_untouched = row.source == Price.Source.DEFAULT and row.credits == suggested.credits
    return is_untouched and any(getattr(row, name) != getattr(suggested, name) for name in EXTRAS)
