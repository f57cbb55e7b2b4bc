"""The keys of providers and their limits in the Django admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.recorded import RecordedAdmin
from generations.admin.words import error_in_words, key_in_words
from generations.models import ProviderAccount


@admin.register(ProviderAccount)
class ProviderAccountAdmin(RecordedAdmin):
    """The limits of one key, and whether it rests."""

    list_display = (
        "key",
        "concurrency",
        "per_minute",
        "paused_until",
        "blocked",
        "balance_column",
        "key_fingerprint",
    )
    readonly_fields = (
        "key",
        "key_fingerprint",
        "concurrency_at_provider",
        "paused_why",
        "blocked",
        "failures",
        "balance_column",
        "balance_at",
        "alert_column",
    )
    fields = ("concurrency", "per_minute", "paused_until", "warn_below", *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("key"), ordering="provider")
    def key(self, account: ProviderAccount) -> str:
        return key_in_words(account)

    @admin.display(description=_("blocked because"))
    def blocked(self, account: ProviderAccount) -> str:
        return error_in_words(account.blocked_code) or gettext("not blocked")

    @admin.display(description=_("balance at the provider"))
    def balance_column(self, account: ProviderAccount) -> str:
        if account.balance is None:
            return gettext("not told")
        return f"{account.balance.normalize():f} {account.balance_unit}".strip()

    @admin.display(description=_("admins were told"))
    def alert_column(self, account: ProviderAccount) -> str:
        return error_in_words(account.alert) or gettext("nothing")
