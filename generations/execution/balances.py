"""Ask providers what is left, every few minutes and right after one says that it is too little.

Only keys of this process are asked about, and each by one worker at a time: whoever writes the time
of asking first. Trouble with one key leaves the others alone.
"""

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from generations import dispatch, provider_health
from generations.models import ProviderAccount
from generations.providers import registry
from generations.providers.errors import Misconfigured, ProviderError
from generations.providers.types import Balance

log = logging.getLogger(__name__)

# A little less than the time between two rounds, so that none is skipped.
AT_MOST_EVERY = timedelta(minutes=4)
# Several requests may be refused together: one look is enough for all of them.
AFTER_REFUSAL = timedelta(seconds=5)


def read_balances() -> int:
    """One round over the keys of this process; gives how many balances were read."""
    return sum(_read(account, AT_MOST_EVERY) for account in dispatch.accounts_here())


def read_balance(account_pk: int) -> bool:
    """Read the balance of one key now, unless that has just been done; True when it was read."""
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
        # What is shown is as old as it was.
        _swap_time(account, asked_at, account.balance_at)
        return False
    provider_health.note_balance(account, balance)
    return True


def _swap_time(account: ProviderAccount, old: datetime | None, new: datetime | None) -> bool:
    rows = ProviderAccount.objects.filter(pk=account.pk, balance_at=old)
    return bool(rows.update(balance_at=new))


def _ask(account: ProviderAccount) -> Balance | None:
    """What the provider says; None where its API does not tell, or where it can't be asked."""
    try:
        return registry.adapter(account.provider, account.slot).balance()
    except ProviderError as error:
        log.warning("the balance of %s could not be read: %s", account, error)
        provider_health.note_refusal(account, error)
    except Misconfigured:
        log.warning("the balance of %s could not be read: its key or address is wrong", account)
    except Exception:
        # An answer that nobody foresaw must not stop the reading of all others.
        log.exception("the balance of %s could not be read", account)
    return None
