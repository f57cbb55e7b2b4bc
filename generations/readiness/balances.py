"""Compares balances at providers with our cost, and tells of days that differ too much."""

from typing import Any

from accounts import notices
from generations import balance_days
from generations.models import BalanceDay
from generations.providers import registry
from generations.readiness.kinds import BALANCE_DIFFERS

MOST_AT_ONCE = 20


def look() -> None:
    """Compare the days that are over, tell of those that differ, end what is explained."""
    balance_days.compare()
    differing = {f"{row.account.uuid} {row.day}": _facts(row) for row in balance_days.differing()}
    notices.agree(BALANCE_DIFFERS, differing, most=MOST_AT_ONCE)


def _facts(row: BalanceDay) -> dict[str, Any]:
    account = row.account
    known = account.provider in registry.ADAPTERS
    label = registry.adapter_class(account.provider).label if known else account.provider
    return {
        "key": f"{label} {account.slot}",
        "day": f"{row.day}",
        "fell": f"{row.fell:,.2f}",
        "cost": f"{row.cost_usd:,.2f}",
    }
