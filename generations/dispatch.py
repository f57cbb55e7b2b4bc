"""Who goes next: caps, rate and fairness, held in the database across any number of workers.

The line of a provider is served one claim at a time under a lock on the provider account's row:
the person with the fewest generations in flight first, then whoever has waited longest.
"""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from generations import lifecycle, provider_health
from generations.models import Generation, ProviderAccount
from generations.providers import registry
from generations.states import Status

RATE_WINDOW = timedelta(seconds=60)


def claim_next(worker: str) -> Generation | None:
    """Claim the next generation for `worker`, or None when nobody waits or every slot is taken.

    The claimed row stands at `submitting` with a fresh token; nothing has been sent.
    """
    for account in accounts_here():
        if _line(account.provider).exists() and (claimed := _claim(account.pk, worker)):
            return claimed
    return None


def accounts_here() -> list[ProviderAccount]:
    """The accounts whose key this process has, freest first; rows are made when first seen."""
    accounts = [
        _account(provider, slot, fingerprint)
        for provider in registry.provider_names()
        for slot, fingerprint in registry.slots(provider).items()
    ]
    in_flight = dict(
        Generation.objects.in_flight()
        .filter(account__in=accounts)
        .values_list("account")
        .annotate(Count("pk"))
    )
    return sorted(accounts, key=lambda account: in_flight.get(account.pk, 0))


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


def _line(provider: str) -> QuerySet[Generation]:
    return Generation.objects.filter(
        Q(next_action_at__isnull=True) | Q(next_action_at__lte=timezone.now()),
        provider=provider,
        status=Status.QUEUED,
        run__user__is_active=True,
    )


@transaction.atomic
def _claim(account_pk: int, worker: str) -> Generation | None:
    account = ProviderAccount.objects.select_for_update().get(pk=account_pk)
    if not _has_room(account):
        return None
    generation = _fairest(account)
    if generation is None:
        return None
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
    own = Generation.objects.filter(account=account)
    if own.in_flight().count() >= account.most_at_once:
        return False
    # The probe is the submit: tasks that were accepted before the trouble say nothing about it.
    sending = own.filter(status=Status.SUBMITTING)
    if provider_health.is_probing(account) and sending.exists():
        return False
    return sent_lately(own, timezone.now()).count() < account.per_minute


def sent_lately(rows: QuerySet[Generation], now: datetime) -> QuerySet[Generation]:
    """Those of `rows` that count against the limit per minute at the moment `now`."""
    return rows.filter(Q(submitted_at__gt=now - RATE_WINDOW) | Q(status=Status.SUBMITTING))


def _fairest(account: ProviderAccount) -> Generation | None:
    busy = (
        Generation.objects.in_flight()
        .filter(provider=account.provider, run__user=OuterRef("run__user"))
        .order_by()
        .values("run__user")
        .annotate(total=Count("pk"))
        .values("total")
    )
    return (
        _line(account.provider)
        # An idempotency key means something only to the account that it was sent with.
        .filter(Q(idempotency_key="") | Q(account=account))
        .select_related("run", "price")
        .annotate(in_flight=Coalesce(Subquery(busy), 0))
        .order_by("in_flight", "created_at", "position", "id")
        .first()
    )
