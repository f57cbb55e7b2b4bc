"""The price book in the Django admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin.long_lists import known_values
from accounts.admin.recorded import RecordedAdmin
from accounts.phrases import listed
from generations.models import Price
from generations.providers import registry


class PriceForm(forms.ModelForm):
    engine = forms.ChoiceField(label=_("Engine"))

    class Meta:
        model = Price
        fields = ("engine", "tier", "credits", "cost_usd", "valid_from")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted(registry.known_engines())
        self.fields["engine"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        engine = registry.known_engines().get(cleaned.get("engine", ""))
        tiers = [price.tier for price in engine.prices] if engine else []
        if engine and cleaned.get("tier") not in tiers:
            message = _("This engine has the tiers %(tiers)s.") % {"tiers": listed(*tiers)}
            self.add_error("tier", message)
        return cleaned


@admin.register(Price)
class PriceAdmin(RecordedAdmin):
    """Prices are added, never changed: each run keeps the price that it was submitted at."""

    form = PriceForm
    list_display = ("engine", "tier", "credits", "cost_usd", "valid_from", "source")
    list_filter = (("engine", known_values(lambda: sorted(registry.known_engines()))), "source")
    plain_text_fields = frozenset({"engine", "tier"})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
