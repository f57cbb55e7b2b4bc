"""The keys of providers and their limits in the Django admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.recorded import RecordedAdmin
from generations.models import ProviderAccount


@admin.register(ProviderAccount)
class ProviderAccountAdmin(RecordedAdmin):
    """The limits of one key, and whether it rests."""

    list_display = (
        "provider",
        "slot",
        "key_fingerprint",
        "concurrency",
        "per_minute",
        "paused_until",
        "blocked_code",
        "balance",
        "balance_unit",
    )
    readonly_fields = (
        "provider",
        "slot",
        "key_fingerprint",
        "concurrency_at_provider",
        "paused_why",
        "blocked_code",
        "failures",
        "balance",
        "balance_unit",
        "balance_at",
        "alert",
    )
    fields = ("concurrency", "per_minute", "paused_until", "warn_below", *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
