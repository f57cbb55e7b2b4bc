"""Refusals that concern a key and not a request: what is blocked, and for how long.

A refusal concerns one of these (`providers.concerns`):

    the key      nothing is sent with it for 15 minutes, then one request tries it
    one engine   the same for this engine at this key; other engines of the key continue
    unclear      the request may be at fault as well: another key gets it, and the engine rests at
                 this key for 30 seconds. The third time without a success in between counts as a
                 refusal of the engine. The last usable key never rests, because the request may be
                 at fault, but admins are told the third time.
"""

from django.db.models import QuerySet
from django.utils import timezone

from generations.jobs.provider_health.alerts import tell_of_engine
from generations.jobs.provider_health.balances import keep
from generations.jobs.provider_health.rows import (
    BLOCK_SECONDS,
    PAUSE_SECONDS,
    block,
    changed,
    here,
    is_resting,
    seconds,
)
from generations.models import EngineBlock, Generation, ProviderAccount
from generations.providers import registry
from generations.providers.concerns import Concern
from generations.providers.errors import ProviderError
from generations.states import Status

# This many unclear refusals in a row count as a refusal of the engine. A burst counts once.
UNCLEAR_BEFORE_BLOCK = 3


def note_refusal(account: ProviderAccount, error: ProviderError, engine: str = "") -> bool:
    """Block the key, or the engine at this key, if `error` refuses it.

    A refusal of the request itself changes nothing.
    `engine` is the name of the engine that was asked for; empty if the request was for a balance.
    Returns whether another key of this process can do the work, which may then go back into line.
    """
    concern = concern_of(account, error)
    if concern == Concern.KEY:
        with changed(account) as row:
            if error.balance:
                keep(row, error.balance)
            block(row, error.code)
        return _others(account, engine).exists()
    if not engine or concern == Concern.REQUEST:
        return False
    if concern == Concern.ENGINE:
        _note_engine(account, error, engine, sure=True, rests=True)
        return _others(account, engine).exists()
    others_can = _untroubled(account, engine).exists()
    _note_engine(account, error, engine, sure=False, rests=others_can)
    return others_can


def concern_of(account: ProviderAccount, error: ProviderError) -> Concern:
    """What `error` concerns, according to the adapter of the account's provider."""
    return registry.adapter_class(account.provider).concern_of(error)


def engines_at_rest(account: ProviderAccount) -> list[str]:
    """The engines for which nothing may be sent with this key now, by name.

    When the rest of a blocked engine is over, one request probes it. The engine is at rest until
    that submit is answered.
    """
    blocks = list(EngineBlock.objects.filter(account=account))
    if not blocks:
        return []
    now = timezone.now()
    sending = Generation.objects.filter(account=account, status=Status.SUBMITTING)
    probed = set(sending.order_by().values_list("run__engine", flat=True).distinct())
    return [
        each.engine for each in blocks if each.until > now or (each.sure and each.engine in probed)
    ]


def why_blocked(provider: str, engine: str) -> str:
    """Why no key of this process can serve `engine`: the `Code` of the first. Empty if one can.

    A key whose rest is over counts as one that can, because the next request tries it.
    """
    accounts = list(here(provider).only("blocked_code", "paused_until"))
    if not accounts:
        return ""
    resting = _resting_engines(accounts, engine)
    codes = [
        row.blocked_code if row.blocked_code and is_resting(row) else resting.get(row.pk, "")
        for row in accounts
    ]
    return codes[0] if all(codes) else ""


def _resting_engines(accounts: list[ProviderAccount], engine: str) -> dict[int, str]:
    now = timezone.now()
    blocks = EngineBlock.objects.filter(account__in=accounts, engine=engine, until__gt=now)
    return dict(blocks.filter(sure=True).values_list("account", "code"))


def _others(account: ProviderAccount, engine: str) -> QuerySet[ProviderAccount]:
    """The other keys that may be able to serve `engine`: nothing is known to block it there."""
    refused = EngineBlock.objects.filter(engine=engine, sure=True).values("account")
    others = here(account.provider).exclude(pk=account.pk)
    return others.filter(blocked_code="").exclude(pk__in=refused)


def _untroubled(account: ProviderAccount, engine: str) -> QuerySet[ProviderAccount]:
    """The other keys at which `engine` does not rest."""
    resting = EngineBlock.objects.filter(engine=engine, until__gt=timezone.now()).values("account")
    return _others(account, engine).exclude(pk__in=resting)


def _note_engine(
    account: ProviderAccount, error: ProviderError, engine: str, *, sure: bool, rests: bool
) -> None:
    """Write down a refusal of `engine`; `rests` says whether the engine rests at this key now."""
    now = timezone.now()
    with changed(account) as row:
        known = EngineBlock.objects.filter(account=row, engine=engine).first()
        found = known or EngineBlock(account=row, engine=engine, since=now, until=now)
        if found.counted_at is None or now - found.counted_at >= seconds(PAUSE_SECONDS):
            found.refusals, found.counted_at = found.refusals + 1, now
        lasts = found.refusals >= UNCLEAR_BEFORE_BLOCK
        found.sure = found.sure or sure or (lasts and rests)
        found.code, found.raw_code = str(error.code), error.raw_code[:200]
        if rests:
            length = BLOCK_SECONDS if found.sure else PAUSE_SECONDS
            found.until = max(found.until, now + seconds(length))
        if (found.sure or lasts) and not found.told:
            found.told = True
            tell_of_engine(row, found)
        found.save()
