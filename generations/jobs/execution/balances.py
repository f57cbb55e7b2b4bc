"""Reading the balances of keys, every few minutes and right after a refusal for lack of balance.

A process asks about its own keys only. The worker that first writes the time of asking into the
account's row asks; the others don't. Trouble with one key does not affect the others.
"""

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from generations.jobs import dispatch, provider_health
from generations.models import ProviderAccount
from generations.providers import registry
from generations.providers.errors import Misconfigured, ProviderError
from generations.providers.types import ProviderBalance

log = logging.getLogger(__name__)

# A little less than the time between two rounds, so that none is skipped.
AT_MOST_EVERY = timedelta(minutes=4)
# Several requests may be refused at once. One reading is enough for all of them.
AFTER_REFUSAL = timedelta(seconds=5)


def read_balances() -> int:
    """Read the balances of all keys of this process; returns how many were read."""
    return sum(_read(account, AT_MOST_EVERY) for account in dispatch.accounts_here())


def read_balance(account_pk: int) -> bool:
    """Read the balance of one key, unless that has just been done; returns whether it was read."""
    here = {account.pk: account for account in dispatch.accounts_here()}
    return account_pk in here and _read(here[account_pk], AFTER_REFUSAL)


def _read(account: ProviderAccount, at_most_every: timedelta) -> bool:
    asked_at = timezone.now()
    if account.balance_at and account.balance_at > asked_at - at_most_every:
        return False
    if not _swap_time(account, account.balance_at, asked_at):
        return False  # another worker asks
    balance = _ask(account)
    if balance is None:
        # The balance on record is as old as before.
        _swap_time(account, asked_at, account.balance_at)
        return False
    provider_health.note_balance(account, balance)
    return True


def _swap_time(account: ProviderAccount, old: datetime | None, new: datetime | None) -> bool:
    rows = ProviderAccount.objects.filter(pk=account.pk, balance_at=old)
    return bool(rows.update(balance_at=new))


def _ask(account: ProviderAccount) -> ProviderBalance | None:
    """The balance at the provider; None if its API does not give one, or could not be asked."""
    try:
        return registry.adapter(account.provider, account.slot).balance()
    except ProviderError as error:
        log.warning("the balance of %s could not be read: %s", account, error)
        provider_health.note_refusal(account, error)
    except Misconfigured:
        log.warning("the balance of %s could not be read: its key or address is wrong", account)
    except Exception:
        # An unforeseen answer must not keep the other balances from being read.
        log.exception("the balance of %s could not be read", account)
    return None
