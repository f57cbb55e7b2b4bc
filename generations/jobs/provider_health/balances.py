"""What is left to spend with a key, and the mark below which admins are told."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import Record
from generations import balance_days, pricing
from generations.jobs.provider_health.alerts import LOW, end, tell
from generations.jobs.provider_health.rows import block, changed, unblock
from generations.models import EngineBlock, Price, ProviderAccount
from generations.providers.capabilities import provider_of
from generations.providers.errors import Code
from generations.providers.types import ProviderBalance

IMAGES_BEFORE_LOW = 20
UNITS_BEFORE_LOW = Decimal(100)
USD = "USD"
# So that spending outside runs shows, and work that goes on does not fill the log.
RECORDED_EVERY = timedelta(hours=1)

# The least and the most that a column of a balance holds.
SMALLEST, LARGEST = Decimal("0.0001"), Decimal("9999999999.9999")


def note_balance(account: ProviderAccount, balance: ProviderBalance) -> None:
    """Store the balance; block the key at zero, and alert admins below the low mark."""
    with changed(account) as row:
        keep(row, balance)
        _record(row)
        if row.balance is None or row.balance >= max(low_mark(row), SMALLEST):
            _note_plenty(row)
        elif row.balance > 0:
            _note_little(row)
        elif row.blocked_code in ("", Code.INSUFFICIENT_BALANCE):
            block(row, Code.INSUFFICIENT_BALANCE)


def note_new_key(account: ProviderAccount, fingerprint: str) -> None:
    """Reset what is known about a slot, because it now holds another key."""
    with changed(account) as row:
        unblock(row)
        row.key_fingerprint = fingerprint
        row.failures, row.alert = 0, ""
        row.polls_refused_at, row.polls_refused_told = None, False
        row.balance, row.balance_unit, row.balance_at = None, "", None
        row.concurrency_at_provider = None
        refused = EngineBlock.objects.filter(account=row)
        for engine in list(refused.values_list("engine", flat=True)):
            end(row, engine)
        refused.delete()


def low_mark(account: ProviderAccount) -> Decimal:
    """The balance below which admins are told, in the balance's own unit."""
    return low_marks([account])[account.pk]


def low_marks(accounts: Iterable[ProviderAccount]) -> dict[int, Decimal]:
    """The low mark of each account, by the account's primary key, in one query.

    If admins have set none: 20 images at the provider's highest price in force, or 100 units if the
    provider does not count in US dollars.
    """
    dearest = _dearest_prices()
    return {row.pk: _low_mark(row, dearest.get(row.provider, Decimal(0))) for row in accounts}


def _low_mark(row: ProviderAccount, dearest: Decimal) -> Decimal:
    if row.warn_below is not None:
        return row.warn_below
    return IMAGES_BEFORE_LOW * dearest if row.balance_unit == USD else UNITS_BEFORE_LOW


def _dearest_prices() -> dict[str, Decimal]:
    """US dollars for an image at the highest price in force, by provider."""
    rows = pricing.in_force(Price.objects.all()).values_list("engine", "cost_usd")
    dearest: dict[str, Decimal] = {}
    for engine, cost in rows:
        provider = provider_of(engine)
        dearest[provider] = max(cost, dearest.get(provider, cost))
    return dearest


def keep(row: ProviderAccount, balance: ProviderBalance) -> None:
    """Put `balance` into the row, within the bounds of its columns."""
    if not balance.amount.is_finite():
        return
    before, unit = row.balance, row.balance_unit
    row.balance = max(-LARGEST, min(balance.amount, LARGEST)).quantize(SMALLEST)
    row.balance_unit = balance.unit[:20]
    row.balance_at = timezone.now()
    if balance.concurrency is not None:
        row.concurrency_at_provider = balance.concurrency
    balance_days.note(row, before, unit)


def _record(row: ProviderAccount) -> None:
    """Put the balance on the record if it has changed, at most once in `RECORDED_EVERY`."""
    if row.balance is None:
        return
    facts = {
        "provider": row.provider,
        "slot": row.slot,
        "balance": f"{row.balance:f}",
        "unit": row.balance_unit,
    }
    earlier = Record.objects.filter(subject_id=row.uuid, event=Event.PROVIDER_BALANCE)
    if last := earlier.order_by("-at", "-id").first():
        is_same = last.facts["balance"] == facts["balance"] and last.facts["unit"] == facts["unit"]
        if is_same or last.at > timezone.now() - RECORDED_EVERY:
            return
        facts["before"] = last.facts["balance"]
    audit.record(Event.PROVIDER_BALANCE, actor=None, subject=row, facts=facts)


def _note_plenty(row: ProviderAccount) -> None:
    if row.blocked_code == Code.INSUFFICIENT_BALANCE:
        unblock(row)
    if row.alert in (LOW, Code.INSUFFICIENT_BALANCE):
        row.alert = ""


def _note_little(row: ProviderAccount) -> None:
    """Alert, unless a graver alert holds: two that alternate would be sent again and again."""
    if not row.alert:
        tell(row, LOW)
