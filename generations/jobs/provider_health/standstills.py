"""Engines to which nothing is sent now, all of them at once, in two queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from generations.models import EngineBlock, ProviderAccount
from generations.providers import registry
from generations.providers.capabilities import provider_of


@dataclass(frozen=True)
class Standstill:
    """No key can serve an engine before `until`.

    `code` says why it is blocked, and `since` since when; both are empty if its keys only rest.
    """

    code: str
    since: datetime | None
    until: datetime


def standstills(engines: Iterable[str]) -> dict[str, Standstill]:
    """Those of `engines` that no key of this process can serve now, by name.

    An engine counts as blocked if each of its keys is, as for `refusals.why_blocked`.
    """
    now = timezone.now()
    accounts = _accounts_here()
    refused = EngineBlock.objects.filter(until__gt=now, sure=True)
    blocks = {(each.account_id, each.engine): each for each in refused} if accounts else {}
    found = {}
    for engine in engines:
        stopped = [
            _stopped(row, blocks, engine, now) for row in accounts.get(provider_of(engine), ())
        ]
        each = [one for one in stopped if one]
        if stopped and len(each) == len(stopped):
            found[engine] = _together(each)
    return found


def _accounts_here() -> Mapping[str, list[ProviderAccount]]:
    """The accounts whose keys this process has, by provider."""
    columns = ("provider", "slot", "blocked_code", "blocked_at", "paused_until")
    here: defaultdict[str, list[ProviderAccount]] = defaultdict(list)
    for account in ProviderAccount.objects.only(*columns):
        if account.provider in registry.ADAPTERS and account.slot in registry.slots(
            account.provider
        ):
            here[account.provider].append(account)
    return here


def _stopped(
    account: ProviderAccount,
    blocks: Mapping[tuple[int, str], EngineBlock],
    engine: str,
    now: datetime,
) -> Standstill | None:
    """Why `account` can't serve `engine` now; None if it can."""
    rests = bool(account.paused_until and account.paused_until > now)
    if rests and account.blocked_code:
        return Standstill(account.blocked_code, account.blocked_at, account.paused_until or now)
    if block := blocks.get((account.pk, engine)):
        return Standstill(block.code, block.since, block.until)
    return Standstill("", None, account.paused_until or now) if rests else None


def _together(each: list[Standstill]) -> Standstill:
    """What the keys of an engine have in common: blocked only if all are."""
    until = min(one.until for one in each)
    if all(one.code for one in each):
        return Standstill(each[0].code, each[0].since, until)
    return Standstill("", None, until)
