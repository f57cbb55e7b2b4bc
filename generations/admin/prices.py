"""The price book in the Django admin."""

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import display_for_field
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.cards import named
from accounts.admin.long_lists import known_values
from generations import pricing
from generations.admin.price_book import PriceBookMixin
from generations.admin.words import engine_in_words, tier_in_words
from generations.models import Price
from generations.pricing.changing import FIGURES
from generations.pricing.defaults import EXTRAS
from generations.providers import registry

# Between an engine's name and a tier in the value of a choice; in neither of them.
BETWEEN = " "


class PriceForm(forms.ModelForm):
    """One choice of engine and tier together, so that each choice exists."""

    offer = forms.ChoiceField(
        label=_("Engine and price tier"),
        help_text=_("The tier is the resolution for which the engine has this price."),
    )

    class Meta:
        model = Price
        fields = (*FIGURES, "valid_from")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["offer"].choices = [("", "---------"), *_offers()]  # type: ignore[attr-defined]
        for name in self.fields.keys() & set(EXTRAS):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned |= {name: cleaned.get(name) or 0 for name in EXTRAS}
        if not self.errors:
            price = self.instance
            price.engine, _between, price.tier = cleaned["offer"].partition(BETWEEN)
            same = Price.objects.filter(engine=price.engine, tier=price.tier)
            if same.filter(valid_from=cleaned["valid_from"]).exists():
                self.add_error("valid_from", _("There is a price from this moment already."))
        return cleaned


def _offers() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each engine with its tiers and what they cost now."""
    engines = registry.known_engines().values()
    prices = pricing.prices_in_force([engine.name for engine in engines])
    for engine in sorted(engines, key=registry.full_label):
        tiers = [
            (
                f"{engine.name}{BETWEEN}{each.tier}",
                _offer(prices.get((engine.name, each.tier)), each.tier),
            )
            for each in engine.prices
        ]
        yield registry.full_label(engine), tiers


def _offer(price: Price | None, tier: str) -> str:
    if price is None:
        return tier_in_words(tier)
    now = pricing.credits_in_words(price.credits)
    return gettext("%(tier)s (now %(credits)s)") % {"tier": tier_in_words(tier), "credits": now}


def _column(name: str, label: Any) -> Callable[[Price], SafeString]:
    """A column of the list that shows a field, with a short `label` where rows are cards."""
    field: Any = Price._meta.get_field(name)

    @admin.display(description=field.verbose_name, ordering=name)
    def column(price: Price) -> SafeString:
        value = display_for_field(getattr(price, name), field, "-")
        return named(str(label), value)

    column.__name__ = name
    return column


@admin.register(Price)
class PriceAdmin(PriceBookMixin):
    """Prices are added, never changed: each run keeps the price that it was submitted at."""

    form = PriceForm
    fields = ("offer", *FIGURES, "valid_from")
    shown_fields = ("engine_column", "tier_column", *FIGURES, "valid_from", "source", "created_by")
    list_display = (
        *("engine_column", "tier_column"),
        _column("credits", _("Credits")),
        _column("cost_usd", _("Cost, USD")),
        _column("credits_per_reference", _("Each further reference")),
        _column("valid_from", _("Valid from")),
        _column("source", _("Source")),
    )
    list_filter = (
        ("engine", known_values(lambda: sorted(registry.known_engines()), engine_in_words)),
        "source",
    )
    plain_text_fields = frozenset({"engine", "tier"})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.shown_fields if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.shown_fields if obj else ()

    @admin.display(description=_("engine"), ordering="engine")
    def engine_column(self, price: Price) -> str:
        return engine_in_words(price.engine)

    @admin.display(description=_("tier"), ordering="tier")
    def tier_column(self, price: Price) -> SafeString:
        return named(gettext("tier"), tier_in_words(price.tier))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
