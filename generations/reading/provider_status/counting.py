"""Numbers about keys, from generations and blocks, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from statistics import median
from typing import Any

from django.db.models import Count, OuterRef, Q, Subquery
from django.utils import timezone

from generations.jobs import dispatch, provider_health
from generations.models import EngineBlock, Generation, ProviderAccount
from generations.providers import registry
from generations.providers.errors import Code
from generations.states import Status

LATELY = timedelta(hours=24)
MEASURED = 100
# Errors that the provider or the connection causes, not the request.
PROVIDERS_REASONS = frozenset(
    {
        Code.AUTH,
        Code.FORBIDDEN,
        Code.INSUFFICIENT_BALANCE,
        Code.NOT_FOUND,
        Code.RATE_LIMITED,
        Code.TIMEOUT,
        Code.PROVIDER_ERROR,
        Code.BAD_RESPONSE,
        Code.CONNECTION,
        Code.OUTCOME_UNKNOWN,
        Code.IMAGE_UNREACHABLE,
        Code.IMAGE_INVALID,
        Code.IMAGE_TOO_LARGE,
    }
)


@dataclass(frozen=True)
class Counts:
    """Numbers by account; `waiting` and `usable` are by provider."""

    in_flight: Mapping[Any, int]
    sent: Mapping[Any, int]
    unknown: Mapping[Any, int]
    waiting: Mapping[Any, int]
    ended: Mapping[Any, tuple[int, int]]
    medians: Mapping[Any, float]
    last_success: Mapping[Any, datetime]
    low_marks: Mapping[Any, Decimal]
    refused: Mapping[Any, list[EngineBlock]]
    # By provider, the keys of this process that are not blocked.
    usable: Mapping[str, frozenset[Any]]

    def has_work(self, account: ProviderAccount) -> bool:
        """Whether the key has open work, or its provider has waiting work."""
        own = self.in_flight.get(account.pk, 0) + self.unknown.get(account.pk, 0)
        return bool(own or self.waiting.get(account.provider, 0))

    def others(self, account: ProviderAccount, engine: str = "") -> frozenset[Any]:
        """The other keys that can do the work, or that of `engine`, as far as is known."""
        unable = {
            key
            for key, blocks in self.refused.items()
            if any(each.sure and each.engine == engine for each in blocks)
        }
        return self.usable.get(account.provider, frozenset()) - unable - {account.pk}


def is_here(account: ProviderAccount) -> bool:
    """Whether this process has the key of `account`."""
    return account.slot in registry.slots(account.provider)


def count(accounts: Iterable[ProviderAccount]) -> Counts:
    """Return all numbers about `accounts`."""
    now = timezone.now()
    saved = [account for account in accounts if account.pk]
    own = Generation.objects.filter(account__in=saved).order_by()
    # `ended_at` is empty for an unknown outcome. Named here, it lets an index skip what has ended.
    unknown = own.filter(status=Status.UNKNOWN, ended_at__isnull=True)
    queued = Generation.objects.filter(status=Status.QUEUED).order_by()
    return Counts(
        in_flight=_by(own.in_flight(), "account"),
        sent=_by(dispatch.sent_lately(own, now), "account"),
        unknown=_by(unknown, "account"),
        waiting=_by(queued, "provider"),
        ended=_ended_lately(now),
        medians=_medians(now),
        last_success=_last_successes(),
        low_marks=provider_health.low_marks(saved),
        refused=_refused(saved),
        usable=_usable(accounts),
    )


def _refused(accounts: Iterable[ProviderAccount]) -> dict[int, list[EngineBlock]]:
    by_account: dict[int, list[EngineBlock]] = defaultdict(list)
    for each in EngineBlock.objects.filter(account__in=list(accounts)):
        by_account[each.account_id].append(each)
    return by_account


def _usable(accounts: Iterable[ProviderAccount]) -> dict[str, frozenset[Any]]:
    by_provider: dict[str, set[Any]] = defaultdict(set)
    for account in accounts:
        if is_here(account) and not account.blocked_code:
            by_provider[account.provider].add(account.pk)
    return {provider: frozenset(keys) for provider, keys in by_provider.items()}


def _by(rows: Any, name: str) -> dict[Any, int]:
    return dict(rows.values_list(name).annotate(Count("pk")))


def _ended_lately(now: datetime) -> dict[int, tuple[int, int]]:
    """By account: how many ended, and how many of them by an error of `PROVIDERS_REASONS`."""
    ended = Generation.objects.filter(
        ended_at__gt=now - LATELY, status__in=(Status.SUCCEEDED, Status.FAILED)
    )
    at_fault = Q(status=Status.FAILED, error_code__in=sorted(PROVIDERS_REASONS))
    rows = (
        ended.order_by()
        .values_list("account")
        .annotate(total=Count("pk"), failed=Count("pk", filter=at_fault))
    )
    return {account: (total, failed) for account, total, failed in rows}


def _medians(now: datetime) -> dict[int, float]:
    """By account: the median seconds from submission to storage, of its newest hundred."""
    # Two queries, each a range of an index for every account. A window function would sort all of
    # a day, and on SQLite read all that ever ended.
    hundredth = _successes(OuterRef("pk")).values("ended_at")[MEASURED - 1 : MEASURED]
    begins = ProviderAccount.objects.annotate(begin=Subquery(hundredth)).values_list("pk", "begin")
    day = now - LATELY
    newest = [Q(account=key, ended_at__gte=max(begin or day, day)) for key, begin in begins]
    if not newest:
        return {}
    rows = Generation.objects.filter(
        reduce(or_, newest), status=Status.SUCCEEDED, submitted_at__isnull=False
    ).order_by()
    taken = defaultdict(list)
    for account, submitted_at, ended_at in rows.values_list("account", "submitted_at", "ended_at"):
        if submitted_at and ended_at:
            taken[account].append((ended_at - submitted_at).total_seconds())
    return {account: median(seconds) for account, seconds in taken.items()}


def _last_successes() -> dict[int, datetime]:
    newest = _successes(OuterRef("pk")).values("ended_at")[:1]
    rows = ProviderAccount.objects.annotate(last=Subquery(newest)).values_list("pk", "last")
    return dict(rows)


def _successes(account: Any) -> Any:
    """What has succeeded with the key of the account with this primary key, the newest first."""
    # A range of keys, and in this order: only `generation_succeeded` is sorted so. With `=`,
    # PostgreSQL may read another index, in which a key that has not succeeded is nowhere.
    return Generation.objects.filter(
        account__gte=account,
        account__lte=account,
        status=Status.SUCCEEDED,
        ended_at__isnull=False,
    ).order_by("-account_id", "-ended_at")
