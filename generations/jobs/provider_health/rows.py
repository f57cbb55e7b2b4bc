"""The row of a key: changed under a lock, rested, blocked, unblocked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from generations.jobs.provider_health.alerts import LOW, end, standing, tell
from generations.models import ProviderAccount
from generations.providers import registry
from generations.providers.errors import Code

# After this many failed submits in a row an account rests; after this many rate limits in a row
# admins are told.
FAILURES_BEFORE_PAUSE = 5
PAUSE_SECONDS = 30
BLOCK_SECONDS = 15 * 60

# Neither the limits, which admins set, nor refused webhooks, which are counted in the cache.
_HEALTH = (
    "key_fingerprint",
    "failures",
    "paused_until",
    "paused_why",
    "blocked_code",
    "blocked_at",
    "polls_refused_at",
    "polls_refused_told",
    "alert",
    "balance",
    "balance_unit",
    "balance_at",
    "concurrency_at_provider",
)


@contextmanager
def changed(account: ProviderAccount) -> Iterator[ProviderAccount]:
    """The account's row under a lock. Changes of its health are saved when the block ends.

    Ends the notices about alerts that no longer hold.
    """
    with transaction.atomic():
        row = ProviderAccount.objects.select_for_update().get(pk=account.pk)
        told = standing(row)
        yield row
        row.save(update_fields=_HEALTH)
        for what in told - standing(row):
            end(row, what)


def here(provider: str) -> QuerySet[ProviderAccount]:
    """The accounts of `provider` whose keys this process has."""
    return ProviderAccount.objects.filter(
        provider=provider, slot__in=list(registry.slots(provider))
    )


def is_resting(account: ProviderAccount) -> bool:
    """Whether nothing may be sent with this key now."""
    return account.paused_until is not None and account.paused_until > timezone.now()


def is_probing(account: ProviderAccount) -> bool:
    """Whether submits are sent one at a time: after a rest, until one is accepted."""
    troubled = bool(account.paused_until or account.blocked_code)
    return troubled or account.failures >= FAILURES_BEFORE_PAUSE


def seconds(number: float) -> timedelta:
    """`number` seconds, scaled by `PROVIDER_TIME_SCALE`."""
    return timedelta(seconds=number * settings.PROVIDER_TIME_SCALE)


def rest(row: ProviderAccount, length: timedelta) -> None:
    """Let the key rest for `length` at least: an admin may have set a longer pause."""
    until = timezone.now() + length
    row.paused_until = max(until, row.paused_until or until)


def block(row: ProviderAccount, code: Code) -> None:
    """Send nothing with this key for 15 minutes, then one request at a time."""
    if row.blocked_code != code:
        row.blocked_code, row.blocked_at = str(code), timezone.now()
    rest(row, seconds(BLOCK_SECONDS))
    tell(row, code)


def unblock(row: ProviderAccount) -> None:
    """End the rest, the block and its alert. A low balance stays told."""
    row.paused_until, row.paused_why = None, ""
    row.blocked_code, row.blocked_at = "", None
    if row.alert != LOW:
        row.alert = ""
