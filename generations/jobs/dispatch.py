"""Chooses the generation that is sent next, within each key's limits and fairly among people.

A key is a provider's API key; each has one row, its provider account.

The database holds all of this, so it is true for any number of workers. Claims for one key are made
one at a time, under a lock on the provider account's row. The person with the fewest generations in
flight goes first, then whoever has waited longest (`line`).
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from generations.jobs import in_hand, lifecycle, line, loads, provider_health
from generations.models import Generation, ProviderAccount
from generations.providers import registry
from generations.states import Status


def claim_next(worker: str) -> Generation | None:
    """Claim the next generation for `worker`; None if nobody waits or no key has room.

    The claimed row has the status `submitting` and a new token. Nothing has been sent yet.
    """
    for key in _keys_in_turn():
        if key.awaited and (claimed := _claim(key.account, worker)):
            return claimed
    return None


def _keys_in_turn() -> list[loads.Key]:
    """The keys that this process has, the one with the fewest in flight first."""
    here = {(name, *slot) for name in registry.provider_names() for slot in _slots(name)}
    keys = _known(here)
    if len(keys) < len(here):
        accounts_here()
        keys = _known(here)
    return sorted(keys, key=lambda key: key.in_flight)


def _known(here: set[tuple[str, int, str]]) -> list[loads.Key]:
    return [key for key in loads.of_all_keys() if (key.provider, key.slot, key.fingerprint) in here]


def _slots(provider: str) -> Iterable[tuple[int, str]]:
    return registry.slots(provider).items()


def is_anyone_waiting() -> bool:
    """Return whether a due generation has a key in this process, even if the key has no room."""
    here = filter(registry.slots, registry.provider_names())
    return any(line.has_due(name, timezone.now()) for name in here)


def accounts_here() -> list[ProviderAccount]:
    """The accounts whose keys this process has. Creates the rows that are missing."""
    known = {(row.provider, row.slot): row for row in ProviderAccount.objects.all()}
    return [
        _account(known.get((provider, slot)), provider, slot, fingerprint)
        for provider in registry.provider_names()
        for slot, fingerprint in _slots(provider)
    ]


def _account(
    known: ProviderAccount | None, provider: str, slot: int, fingerprint: str
) -> ProviderAccount:
    account = known or _made(provider, slot, fingerprint)
    if account.key_fingerprint != fingerprint:
        provider_health.note_new_key(account, fingerprint)
    return account


def _made(provider: str, slot: int, fingerprint: str) -> ProviderAccount:
    adapter = registry.adapter_class(provider)
    account, _ = ProviderAccount.objects.get_or_create(
        provider=provider,
        slot=slot,
        defaults={
            "key_fingerprint": fingerprint,
            "concurrency": adapter.default_concurrency,
            "per_minute": adapter.default_per_minute,
        },
    )
    return account


@transaction.atomic
def _claim(account_pk: int, worker: str) -> Generation | None:
    account = ProviderAccount.objects.select_for_update().get(pk=account_pk)
    load = loads.of(account)  # again, because other workers may have claimed before the lock
    generation = _fairest(account, load) if _has_room(account, load) else None
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
            "attempt": F("attempt") + 1,
            "submitted_at": None,
            "next_action_at": None,
        },
    )
    return generation if claimed else None


def _has_room(account: ProviderAccount, load: loads.Load) -> bool:
    if provider_health.is_resting(account):
        return False
    # A probing account submits one generation at a time. Accepted tasks do not count.
    if provider_health.is_probing(account) and load.sending:
        return False
    # Submits in progress always count, as in `sent_lately`.
    has_sent = load.sending + load.sent
    return load.in_flight < account.most_at_once and has_sent < account.per_minute


def sent_lately(rows: QuerySet[Generation], now: datetime) -> QuerySet[Generation]:
    """Those of `rows` that count against the limit per minute at the moment `now`."""
    return rows.filter(Q(submitted_at__gt=now - loads.RATE_WINDOW) | Q(status=Status.SUBMITTING))


def stalled(provider: str, *, before: datetime) -> bool:
    """Whether the line of `provider` does not move although a key of this process could send.

    That is: a request was due before the moment `before`, and a key has room and has sent nothing
    since. A line that moves is not stalled, however long it is.
    """
    return any(_is_idle(account, before) for account in provider_health.here(provider))


def _is_idle(account: ProviderAccount, before: datetime) -> bool:
    sent = Generation.objects.filter(account=account, submitted_at__gte=before)
    if not _has_room(account, loads.of(account)) or sent.exists():
        return False
    resting = provider_health.engines_at_rest(account)
    return line.has_due_since(account, before, resting=resting)


def _fairest(account: ProviderAccount, load: loads.Load) -> Generation | None:
    """The generation that goes next. `move` reads all of it but its account."""
    resting = provider_health.engines_at_rest(account) if load.blocks else []
    key = line.fairest(account, timezone.now(), resting=resting)
    return Generation(pk=key, status=Status.QUEUED, account=account) if key else None
