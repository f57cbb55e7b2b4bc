"""What a run cost: credits as they were reserved and settled, and what the provider charged."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from accounts.events import Event
from generations.reading.story.finding import Told
from generations.tampering import listed

_RESERVED = (Event.RUN_SUBMITTED, Event.RUN_RETRIED)
_ENDS = (Event.GENERATION_SUCCEEDED, Event.GENERATION_FAILED, Event.GENERATION_CANCELLED)


@dataclass(frozen=True)
class Costs:
    """Sums over records. `usd` is empty if no record names an amount.

    `told` says whether the provider named every amount itself; otherwise some are from the price
    list. `entries` are the hashes of the ledger entries that belong to it.
    """

    reserved: int
    spent: int
    returned: int
    usd: str
    told: bool
    entries: list[str]


def costs_of(records: Iterable[Told]) -> Costs:
    """What records say of credits and of the provider's price."""
    reserved = spent = returned = 0
    amounts: list[tuple[Decimal, bool]] = []
    entries: list[str] = []
    for told in records:
        event, facts = told.record.event, told.facts
        if event in _RESERVED:
            reserved += _number(facts.get("credits"))
        elif event in _ENDS:
            spent += _number(facts.get("credits_spent"))
            returned += _number(facts.get("credits_released"))
        elif event == Event.GENERATION_STORING and (amount := _amount(facts.get("cost_usd"))):
            amounts.append((amount, bool(facts.get("cost_told"))))
        entries += [str(each) for each in listed(facts, "entries")]
    usd = _("%(amount)s US dollars") % {"amount": sum(amount for amount, _told in amounts)}
    return Costs(
        reserved=reserved,
        spent=spent,
        returned=returned,
        usd=usd if amounts else "",
        told=all(told for _amount, told in amounts),
        entries=entries,
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _amount(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None
