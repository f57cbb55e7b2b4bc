"""How each key at a provider fares: when it rests, why it is blocked, what is left to spend.

Whoever has talked to a provider says here what came of it; nothing here talks. Each note is one
short transaction under a lock on the account's row. Admins are told once of what they must mend.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts import audit
from accounts.alerts import alert_admins
from accounts.events import Event
from generations.models import Price, ProviderAccount
from generations.providers import registry
from generations.providers.errors import Code, ProviderError
from generations.providers.types import Balance

# So many failed submits in a row pause an account, and of rate limits in a row admins are told.
FAILURES_BEFORE_PAUSE = 5
PAUSE_SECONDS = 30
# Providers count by the minute, so no rest of our own choice needs to be longer.
BACKOFF_MOST_SECONDS = 60
RETRY_AFTER_MOST_SECONDS = 300
BLOCK_SECONDS = 15 * 60
# Answers that stay the same until somebody mends the key or pays.
BLOCKING = frozenset({Code.AUTH, Code.INSUFFICIENT_BALANCE})

# An alert that is no error yet.
LOW = "low_balance"
IMAGES_BEFORE_LOW = 20
UNITS_BEFORE_LOW = Decimal(100)
USD = "USD"

# What a column of a balance holds.
SMALLEST, LARGEST = Decimal("0.0001"), Decimal("9999999999.9999")

# Limits are the admins' own, and refused webhooks are counted elsewhere: both are left alone.
_HEALTH = (
    "key_fingerprint",
    "failures",
    "paused_until",
    "paused_why",
    "blocked_code",
    "alert",
    "balance",
    "balance_unit",
    "balance_at",
    "concurrency_at_provider",
)
_TROUBLED = Q(failures__gt=0) | Q(paused_until__isnull=False) | ~Q(blocked_code="")


def note_failure(account: ProviderAccount, error: ProviderError) -> None:
    """Count a failed submit, and let the account rest where that is due.

    A rate limit rests it at once, for what the provider asked (at most 5 minutes) or for 1, 2, 4 …
    60 seconds; other failures after five in a row. Both kinds are counted apart.
    """
    limited = error.code == Code.RATE_LIMITED
    with _changed(account) as row:
        if limited != (row.paused_why == Code.RATE_LIMITED):
            row.failures = 0
        row.failures += 1
        row.paused_why = str(error.code)
        if limited:
            _rest(row, _rate_limit_seconds(row, error))
        elif row.failures >= FAILURES_BEFORE_PAUSE:
            _rest(row, PAUSE_SECONDS * settings.PROVIDER_TIME_SCALE)
        if limited and row.failures >= FAILURES_BEFORE_PAUSE:
            _alert(row, Code.RATE_LIMITED)


def note_success(account: ProviderAccount) -> None:
    """A submit was taken: whatever was wrong is over.

    A success during a rest was sent before it, and does not cut it short.
    """
    if not ProviderAccount.objects.filter(_TROUBLED, pk=account.pk).exists():
        return
    with _changed(account) as row:
        row.failures = 0
        if not is_resting(row):
            _unblock(row)


def note_refusal(account: ProviderAccount, error: ProviderError) -> bool:
    """Block the account where its key was refused or is used up; other refusals change nothing.

    True when another key of the provider, which this process has, is not blocked: the work may go
    back in line for it.
    """
    if error.code not in BLOCKING:
        return False
    with _changed(account) as row:
        if error.balance:
            _keep(row, error.balance)
        _block(row, error.code)
    others = _here(account.provider).exclude(pk=account.pk)
    return others.filter(blocked_code="").exists()


def note_balance(account: ProviderAccount, balance: Balance) -> None:
    """Keep what the provider says is left; block at nothing, tell admins below the low mark."""
    with _changed(account) as row:
        _keep(row, balance)
        if row.balance is None or row.balance >= max(low_mark(row), SMALLEST):
            _note_plenty(row)
        elif row.balance > 0:
            _note_little(row)
        elif row.blocked_code != Code.AUTH:
            _block(row, Code.INSUFFICIENT_BALANCE)


def note_new_key(account: ProviderAccount, fingerprint: str) -> None:
    """Another key has taken the slot: what is known of the old one says nothing about it."""
    with _changed(account) as row:
        _unblock(row)
        row.key_fingerprint = fingerprint
        row.failures, row.alert = 0, ""
        row.balance, row.balance_unit, row.balance_at = None, "", None
        row.concurrency_at_provider = None


def is_resting(account: ProviderAccount) -> bool:
    """Whether nothing may be sent with this key now."""
    return account.paused_until is not None and account.paused_until > timezone.now()


def is_probing(account: ProviderAccount) -> bool:
    """Whether, its rest over, one submit at a time goes first until one is taken."""
    troubled = bool(account.paused_until or account.blocked_code)
    return troubled or account.failures >= FAILURES_BEFORE_PAUSE


def why_blocked(provider: str) -> str:
    """The `Code` that blocks every key of `provider` in this process; empty if one is usable.

    A key whose rest is over is usable: the next request is the one that finds out.
    """
    accounts = list(_here(provider))
    blocked = [row.blocked_code for row in accounts if row.blocked_code and is_resting(row)]
    return blocked[0] if blocked and len(blocked) == len(accounts) else ""


def low_mark(account: ProviderAccount) -> Decimal:
    """Below which balance admins are told, in the balance's own unit."""
    return low_marks([account])[account.pk]


def low_marks(accounts: Iterable[ProviderAccount]) -> dict[int, Decimal]:
    """The low mark of each account by key, in one query.

    Where admins have set none: 20 images at the provider's dearest price in force, or 100 units
    where the provider does not count in US dollars.
    """
    dearest = _dearest_prices()
    return {row.pk: _low_mark(row, dearest.get(row.provider, Decimal(0))) for row in accounts}


def _low_mark(row: ProviderAccount, dearest: Decimal) -> Decimal:
    if row.warn_below is not None:
        return row.warn_below
    return IMAGES_BEFORE_LOW * dearest if row.balance_unit == USD else UNITS_BEFORE_LOW


def _dearest_prices() -> dict[str, Decimal]:
    """US dollars for an image of the dearest tier now, by provider."""
    rows = Price.objects.filter(valid_from__lte=timezone.now()).order_by("valid_from", "id")
    in_force = {(row.engine, row.tier): row.cost_usd for row in rows}
    dearest: dict[str, Decimal] = {}
    for (engine, _tier), cost in in_force.items():
        provider = engine.partition("/")[0]
        dearest[provider] = max(cost, dearest.get(provider, cost))
    return dearest


def _here(provider: str) -> QuerySet[ProviderAccount]:
    """The accounts of `provider` whose key this process has."""
    return ProviderAccount.objects.filter(
        provider=provider, slot__in=list(registry.slots(provider))
    )


@contextmanager
def _changed(account: ProviderAccount) -> Iterator[ProviderAccount]:
    """The account's row under a lock; what is changed of its health is saved."""
    with transaction.atomic():
        row = ProviderAccount.objects.select_for_update().get(pk=account.pk)
        yield row
        row.save(update_fields=_HEALTH)


def _rate_limit_seconds(row: ProviderAccount, error: ProviderError) -> float:
    if error.retry_after is not None:
        return min(error.retry_after, RETRY_AFTER_MOST_SECONDS)
    doublings = min(row.failures - 1, 10)  # far beyond the most, and no number without end
    return min(2.0**doublings, BACKOFF_MOST_SECONDS) * settings.PROVIDER_TIME_SCALE


def _rest(row: ProviderAccount, seconds: float) -> None:
    """Rest for `seconds` at least: an admin may have set a longer pause."""
    until = timezone.now() + timedelta(seconds=seconds)
    row.paused_until = max(until, row.paused_until or until)


def _block(row: ProviderAccount, code: Code) -> None:
    row.blocked_code = str(code)
    _rest(row, BLOCK_SECONDS * settings.PROVIDER_TIME_SCALE)
    _alert(row, code)


def _unblock(row: ProviderAccount) -> None:
    row.paused_until, row.paused_why, row.blocked_code = None, "", ""
    if row.alert != LOW:
        row.alert = ""


def _keep(row: ProviderAccount, balance: Balance) -> None:
    if not balance.amount.is_finite():
        return
    row.balance = max(-LARGEST, min(balance.amount, LARGEST)).quantize(SMALLEST)
    row.balance_unit = balance.unit[:20]
    row.balance_at = timezone.now()
    if balance.concurrency is not None:
        row.concurrency_at_provider = balance.concurrency


def _note_plenty(row: ProviderAccount) -> None:
    if row.blocked_code == Code.INSUFFICIENT_BALANCE:
        _unblock(row)
    if row.alert in (LOW, Code.INSUFFICIENT_BALANCE):
        row.alert = ""


def _note_little(row: ProviderAccount) -> None:
    """A graver alert stands for this one: two that took turns would be told again and again."""
    if not row.alert:
        _alert(row, LOW)


def _alert(row: ProviderAccount, code: str) -> None:
    """Tell admins once, by mail and on the record."""
    if row.alert == code:
        return
    row.alert = str(code)
    audit.record(
        Event.PROVIDER_ALERTED,
        actor=None,
        subject=row,
        facts={"provider": row.provider, "slot": row.slot, "code": str(code)},
    )
    key = {"provider": registry.adapter_class(row.provider).label, "slot": row.slot}
    what, to_do = _ALERTS[code]
    subject = _("%(provider)s, key %(slot)d: %(what)s") % {**key, "what": what}
    page = settings.PUBLIC_URL + reverse("providers") if settings.PUBLIC_URL else ""
    parts = (subject, _in_words(row) if code in _ABOUT_MONEY else "", str(to_do), page)
    alert_admins(subject, "\n\n".join(filter(None, parts)))


def _in_words(row: ProviderAccount) -> str:
    if row.balance is None:
        return ""
    return _("Balance: %(amount)s %(unit)s") % {
        "amount": f"{row.balance.normalize():f}",
        "unit": row.balance_unit,
    }


_ABOUT_MONEY = frozenset({LOW, Code.INSUFFICIENT_BALANCE})
# What has happened, and what to do.
_ALERTS: dict[str, tuple[Promise, Promise]] = {
    Code.AUTH: (
        _lazy("the key is not accepted"),
        _lazy(
            "Nothing is sent with this key. Look in the provider's console whether it still is "
            "valid, put the right one into the studio's settings and start it again. The studio "
            "tries this key again every 15 minutes."
        ),
    ),
    Code.INSUFFICIENT_BALANCE: (
        _lazy("the balance is used up"),
        _lazy(
            "Nothing is sent with this key. Top up the balance at the provider: the studio sees "
            "it, or tries again every 15 minutes."
        ),
    ),
    LOW: (
        _lazy("the balance is low"),
        _lazy("Top it up at the provider before it is used up and work has to wait."),
    ),
    Code.RATE_LIMITED: (
        _lazy("the rate ceiling is reached"),
        _lazy(
            "The provider has refused five requests in a row because they came too fast or were "
            "too many at once. Lower “at once” or “per minute” of this key in the admin, or ask "
            "the provider for more."
        ),
    ),
}
