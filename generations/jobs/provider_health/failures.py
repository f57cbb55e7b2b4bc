"""The results of submits: failures that make a key rest, and successes that end its trouble."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from generations.jobs.provider_health.alerts import end, tell
from generations.jobs.provider_health.rows import (
    FAILURES_BEFORE_PAUSE,
    PAUSE_SECONDS,
    changed,
    is_resting,
    rest,
    seconds,
    unblock,
)
from generations.models import EngineBlock, ProviderAccount
from generations.providers.errors import Code, ProviderError

# Providers count by the minute, so a rest that the studio chooses need not be longer.
BACKOFF_MOST_SECONDS = 60
RETRY_AFTER_MOST_SECONDS = 300

_TROUBLED = Q(failures__gt=0) | Q(paused_until__isnull=False) | ~Q(blocked_code="")


def note_failure(account: ProviderAccount, error: ProviderError) -> None:
    """Count a failed submit, and let the account rest if it is due.

    After a rate limit it rests at once: for what the provider asked (at most 5 minutes), else for
    1, 2, 4 … 60 seconds. After another failure it rests for what the provider asked, else for 30
    seconds after five in a row. Both kinds are counted separately.
    """
    limited = error.code == Code.RATE_LIMITED
    with changed(account) as row:
        if limited != (row.paused_why == Code.RATE_LIMITED):
            row.failures = 0
        row.failures += 1
        row.paused_why = str(error.code)
        if limited:
            rest(row, _rate_limit_rest(row, error))
        elif error.retry_after:
            rest(row, timedelta(seconds=min(error.retry_after, RETRY_AFTER_MOST_SECONDS)))
        elif row.failures >= FAILURES_BEFORE_PAUSE:
            rest(row, seconds(PAUSE_SECONDS))
        if limited and row.failures >= FAILURES_BEFORE_PAUSE:
            tell(row, Code.RATE_LIMITED)


def note_success(account: ProviderAccount, engine: str = "") -> None:
    """Note that a submit for `engine` was accepted: the key and this engine work again.

    If the key rests, the submit was sent before the rest, so the rest is not cut short.
    """
    refused = EngineBlock.objects.filter(account=account, engine=engine, until__lte=timezone.now())
    if refused.exists():
        refused.delete()
        end(account, engine)
    if not ProviderAccount.objects.filter(_TROUBLED, pk=account.pk).exists():
        return
    with changed(account) as row:
        row.failures = 0
        if not is_resting(row):
            unblock(row)


def _rate_limit_rest(row: ProviderAccount, error: ProviderError) -> timedelta:
    if error.retry_after is not None:
        return timedelta(seconds=min(error.retry_after, RETRY_AFTER_MOST_SECONDS))
    doublings = min(row.failures - 1, 10)  # far beyond the most, so that the power stays small
    most = min(2.0**doublings, BACKOFF_MOST_SECONDS)
    return seconds(most)
