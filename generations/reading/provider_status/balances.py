"""Balances of the last two weeks beside our cost, by key and day."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from generations import balance_days
from generations.models import BalanceDay
from generations.providers import registry
from generations.states import Status

SHOWN_MOST = 60


@dataclass(frozen=True)
class Doubt:
    """A request that the provider may have billed: the key of its generation, and US dollars."""

    generation: int
    status: str
    usd: str


@dataclass(frozen=True)
class Day:
    """One key on one day; every text is ready to print. `tone` is ok, warn or empty."""

    key: str
    day: str
    fell: str
    cost: str
    difference: str
    verdict: str
    tone: str
    topped_up: str
    doubts: tuple[Doubt, ...]
    more_doubts: int


def days() -> list[Day]:
    """The newest days first, at most 60, in one query."""
    since = timezone.now().date() - balance_days.SHOWN
    rows = BalanceDay.objects.filter(day__gte=since, account__provider__in=registry.ADAPTERS)
    newest = rows.select_related("account").order_by("-day", "account")[:SHOWN_MOST]
    return [_day(row) for row in newest]


def _day(row: BalanceDay) -> Day:
    difference, (verdict, tone) = row.difference, _verdict(row)
    label = registry.adapter_class(row.account.provider).label
    return Day(
        key=_("%(provider)s, key %(slot)s") % {"provider": label, "slot": row.account.slot},
        day=date_format(row.day, "SHORT_DATE_FORMAT"),
        fell=_amount(row.fell, row.unit),
        cost="–" if row.cost_usd is None else _amount(row.cost_usd, balance_days.USD),
        difference="–" if difference is None else _amount(difference, balance_days.USD),
        verdict=verdict,
        tone=tone,
        topped_up=_amount(row.topped_up, row.unit) if row.topped_up else "",
        doubts=tuple(_doubt(each) for each in row.explained_by),
        more_doubts=max(row.explained_count - len(row.explained_by), 0),
    )


def _verdict(row: BalanceDay) -> tuple[str, str]:
    if row.unit != balance_days.USD:
        return _("Not comparable: the provider does not count in US dollars"), ""
    if row.cost_usd is None:
        return _("Compared when the day is over"), ""
    if not row.is_off:
        return _("Agrees"), "ok"
    more = (row.difference or 0) > 0
    return (_("The balance fell by more") if more else _("The balance fell by less")), "warn"


def _doubt(each: dict[str, Any]) -> Doubt:
    words = _WORDS.get(each["status"])
    return Doubt(each["generation"], words() if words else _("images not fetched"), each["usd"])


def _amount(amount: Decimal, unit: str) -> str:
    if unit == balance_days.USD:
        return f"−${-amount:,.2f}" if round(amount, 2) < 0 else f"${amount:,.2f}"
    return f"{amount:,.2f} {unit}"


_WORDS = {
    Status.UNKNOWN: lambda: _("outcome unknown"),
    Status.CANCELLED: lambda: _("cancelled"),
    Status.FAILED: lambda: _("failed"),
    Status.RUNNING: lambda: _("not over yet"),
    Status.STORING: lambda: _("not over yet"),
    Status.SUBMITTING: lambda: _("not over yet"),
    Status.QUEUED: lambda: _("not over yet"),
}
