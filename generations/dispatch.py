"""Who goes next: caps, rate and fairness, held in the database across any number of workers.

The line of a provider is served one claim at a time under a lock on the provider account's row:
the person with the fewest generations in flight first, then whoever has waited longest.
"""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from generations import lifecycle
from generations.models import Generation, ProviderAccount
from generations.providers import registry
from generations.states import Status

RATE_WINDOW = timedelta(seconds=60)
# So many failed submits in a row pause an account; one probe goes first afterwards.
FAILURES_BEFORE_PAUSE = 5
PAUSE_SECONDS = 30


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


def note_failure(account: ProviderAccount, why: str) -> None:
    """Count a failed submit; after too many in a row the account rests for a while."""
    with transaction.atomic():
        row = ProviderAccount.objects.select_for_update().get(pk=account.pk)
        row.failures += 1
        if row.failures >= FAILURES_BEFORE_PAUSE:
            pause = PAUSE_SECONDS * settings.PROVIDER_TIME_SCALE
            row.paused_until = timezone.now() + timedelta(seconds=pause)
            row.paused_why = why[:200]
        row.save(update_fields=["failures", "paused_until", "paused_why"])


def note_success(account: ProviderAccount) -> None:
    ProviderAccount.objects.filter(pk=account.pk, failures__gt=0).update(
        failures=0, paused_until=None, paused_why=""
    )


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
        ProviderAccount.objects.filter(pk=account.pk).update(key_fingerprint=fingerprint)
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
    now = timezone.now()
    if account.paused_until and account.paused_until > now:
        return False
    own = Generation.objects.filter(account=account)
    # After a pause one probe goes first, until a submit succeeds again.
    probing = account.failures >= FAILURES_BEFORE_PAUSE
    if own.in_flight().count() >= (1 if probing else account.concurrency):
        return False
    recent = Q(submitted_at__gt=now - RATE_WINDOW) | Q(status=Status.SUBMITTING)
    return own.filter(recent).count() < account.per_minute


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
