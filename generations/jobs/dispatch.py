"""Chooses the generation that is sent next, within each key's limits and fairly among people.

A key is a provider's API key; each has one row, its provider account.

The database holds all of this, so it is true for any number of workers. Claims for one key are made
one at a time, under a lock on the provider account's row. The person with the fewest generations in
flight goes first, then whoever has waited longest (`line`).
"""

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from generations.jobs import in_hand, lifecycle, line, provider_health
from generations.models import Generation, ProviderAccount
from generations.providers import registry
from generations.states import IN_FLIGHT, Status

RATE_WINDOW = timedelta(seconds=60)


def claim_next(worker: str) -> Generation | None:
    """Claim the next generation for `worker`; None if nobody waits or no key has room.

    The claimed row has the status `submitting` and a new token. Nothing has been sent yet.
    """
    for account in accounts_here():
        if line.has_due(account.provider, timezone.now()) and (
            claimed := _claim(account.pk, worker)
        ):
            return claimed
    return None


def is_anyone_waiting() -> bool:
    """Return whether a due generation has a key in this process, even if the key has no room."""
    here = filter(registry.slots, registry.provider_names())
    return any(line.has_due(name, timezone.now()) for name in here)


def accounts_here() -> list[ProviderAccount]:
    """The accounts whose keys this process has, the one with the fewest in flight first.

    Creates the rows that are missing.
    """
    accounts = [
        _account(provider, slot, fingerprint)
        for provider in registry.provider_names()
        for slot, fingerprint in registry.slots(provider).items()
    ]
    in_flight = _in_flight(accounts)
    return sorted(accounts, key=lambda account: in_flight[account.pk])


def _in_flight(accounts: Iterable[ProviderAccount]) -> Counter[int]:
    """The number of generations in flight by the account's primary key.

    One query for each status, because each status has its own index.
    """
    keys = [account.pk for account in accounts]
    counts: Counter[int] = Counter()
    for status in sorted(IN_FLIGHT):
        rows = Generation.objects.filter(account__in=keys, status=status).order_by()
        counts.update(dict(rows.values_list("account").annotate(Count("pk"))))
    return counts


def _account(provider: str, slot: int, fingerprint: str) -> ProviderAccount:
    adapter = registry.adapter_class(provider)
    account, _made = ProviderAccount.objects.get_or_create(
        provider=provider,
        slot=slot,
        defaults={
            "key_fingerprint": fingerprint,
            "concurrency": adapter.default_concurrency,
            "per_minute": adapter.default_per_minute,
        },
    )
    if account.key_fingerprint != fingerprint:
        provider_health.note_new_key(account, fingerprint)
    return account


@transaction.atomic
def _claim(account_pk: int, worker: str) -> Generation | None:
    account = ProviderAccount.objects.select_for_update().get(pk=account_pk)
    if not _has_room(account):
        return None
    generation = _fairest(account)
    if generation is None:
        return None
    in_hand.take(worker, generation)
    claimed = lifecycle.move(
        generation,
        Status.SUBMITTING,
        changes={
            "account": account,
            "claimed_by": worker,
            "submit_token": uuid.uuid4(),
            "attempt": generation.attempt + 1,
            "submitted_at": None,
            "next_action_at": None,
        },
    )
    return generation if claimed else None


def _has_room(account: ProviderAccount) -> bool:
    if provider_health.is_resting(account):
        return False
    own = Generation.objects.filter(account=account).order_by()
    sending = own.filter(status=Status.SUBMITTING).count()
    # A probing account submits one generation at a time. Accepted tasks do not count.
    if provider_health.is_probing(account) and sending:
        return False
    if sending + own.filter(status=Status.RUNNING).count() >= account.most_at_once:
        return False
    # Submits in progress always count, as in `sent_lately`.
    lately = own.filter(submitted_at__gt=timezone.now() - RATE_WINDOW)
    sent = lately.exclude(status=Status.SUBMITTING).count()
    return sent + sending < account.per_minute


def sent_lately(rows: QuerySet[Generation], now: datetime) -> QuerySet[Generation]:
    """Those of `rows` that count against the limit per minute at the moment `now`."""
    return rows.filter(Q(submitted_at__gt=now - RATE_WINDOW) | Q(status=Status.SUBMITTING))


def stalled(provider: str, *, before: datetime) -> bool:
    """Whether the line of `provider` does not move although a key of this process could send.

    That is: a request was due before the moment `before`, and a key has room and has sent nothing
    since. A line that moves is not stalled, however long it is.
    """
    return any(_is_idle(account, before) for account in provider_health.here(provider))


def _is_idle(account: ProviderAccount, before: datetime) -> bool:
    sent = Generation.objects.filter(account=account, submitted_at__gte=before)
    if not _has_room(account) or sent.exists():
        return False
    resting = provider_health.engines_at_rest(account)
    return line.has_due_since(account, before, resting=resting)


def _fairest(account: ProviderAccount) -> Generation | None:
    resting = provider_health.engines_at_rest(account)
    key = line.fairest(account, timezone.now(), resting=resting)
    # With another key, another worker may have claimed it since.
    queued = Generation.objects.filter(pk=key, status=Status.QUEUED)
    return queued.select_related("run", "price").first()
