"""Balances of keys by day, compared with what the studio thinks the day cost.

`note` is called with each reading, `compare` once a day. Only balances in US dollars are compared:
no provider that counts in credits says what one costs.

A balance that rises by 1 dollar or more has been topped up. What was used since the reading before
is then missing in `fell`, a few minutes' worth; so on such a day too small a fall is no alarm.
Smaller rises are money that came back for failed requests.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from generations.models import BalanceDay, Delivery, Generation, ProviderAccount
from generations.states import OPEN, Status

USD = "USD"
TOP_UP_LEAST = Decimal(1)
# Costs and outcomes may change for some days; then a day is final.
COMPARED_AGAIN = dt.timedelta(days=3)
# How long a day that differs is told, and shown.
SHOWN = dt.timedelta(days=14)
KEPT = dt.timedelta(days=400)
MOST_EXPLAINING, MOST_READ = 10, 500
# What the provider may bill although we have no cost for it, or less.
DOUBTFUL = (Status.UNKNOWN, Status.CANCELLED, Status.FAILED, *sorted(OPEN))


def note(account: ProviderAccount, before: Decimal | None, unit_before: str) -> None:
    """Note the balance that `account` now has; `before` is the one until now, if any.

    Call it under the lock of the account's row.
    """
    if account.balance is None or account.balance_at is None:
        return
    day, at = account.balance_at.astimezone(dt.UTC).date(), account.balance_at
    last = BalanceDay.objects.filter(account=account).order_by("-day").first()
    closing = {"closing": account.balance, "closing_at": at}
    if last is None or before is None or unit_before != account.balance_unit:
        _begin(account, day, account.balance, at, closing)
        return
    rise = max(account.balance - last.closing, Decimal(0))
    risen = rise if rise >= TOP_UP_LEAST else Decimal(0)
    if last.day < day:
        _begin(account, day, last.closing, last.closing_at, closing | {"topped_up": risen})
    else:
        topped_up = last.topped_up + risen
        BalanceDay.objects.filter(pk=last.pk).update(**closing, topped_up=topped_up)


def _begin(
    account: ProviderAccount, day: dt.date, opening: Decimal, at: dt.datetime, values: Any
) -> None:
    """Begin a day. One that had begun begins again: its key or its unit has changed."""
    fresh = {"unit": account.balance_unit, "opening": opening, "opening_at": at, "topped_up": 0}
    BalanceDay.objects.update_or_create(account=account, day=day, defaults=fresh | values)


def compare() -> None:
    """Compare the days that are over with our cost, again for three days; delete old ones."""
    today = timezone.now().date()
    due = BalanceDay.objects.filter(day__lt=today, day__gte=today - COMPARED_AGAIN, unit=USD)
    for row in due.select_related("account"):
        _compare(row)
    BalanceDay.objects.filter(day__lt=today - KEPT).delete()


def differing() -> QuerySet[BalanceDay]:
    """The days of the last two weeks whose difference is too large, with their keys."""
    lately = BalanceDay.objects.filter(day__gte=timezone.now().date() - SHOWN, is_off=True)
    return lately.select_related("account")


def is_off(row: BalanceDay) -> bool:
    """Whether the difference is above both bounds: BALANCE_DRIFT_USD and BALANCE_DRIFT_PERCENT."""
    difference = row.difference
    if difference is None or (row.topped_up and difference < 0):
        return False
    share = Decimal(str(settings.BALANCE_DRIFT_PERCENT)) / 100
    least = Decimal(str(settings.BALANCE_DRIFT_USD))
    return abs(difference) > max(least, share * max(row.fell, row.cost_usd or Decimal(0)))


def _compare(row: BalanceDay) -> None:
    sent = _sent(row)
    row.cost_usd = sent.aggregate(total=Sum("cost_usd", default=Decimal(0)))["total"]
    row.is_off = is_off(row)
    doubtful = sorted(_doubtful(sent), key=lambda each: -Decimal(each["usd"]))
    row.explained_by, row.explained_count = doubtful[:MOST_EXPLAINING], len(doubtful)
    row.save(update_fields=["cost_usd", "is_off", "explained_by", "explained_count"])


def _sent(row: BalanceDay) -> QuerySet[Generation]:
    sent = Generation.objects.filter(account=row.account).order_by()
    return sent.filter(submitted_at__gt=row.opening_at, submitted_at__lte=row.closing_at)


def _doubtful(sent: QuerySet[Generation]) -> Iterator[dict[str, Any]]:
    """Requests of which the provider may have billed more than we know, at most `MOST_READ`."""
    lost = Delivery.objects.filter(generation=OuterRef("pk"), status=Delivery.Status.FAILED)
    doubt = Q(status__in=DOUBTFUL) | Q(Exists(lost))
    for each in _read(sent.filter(doubt)):
        usd = each.wanted * each.price.cost_usd - (each.cost_usd or Decimal(0))
        if usd > 0:
            yield {"generation": each.pk, "status": each.status, "usd": f"{usd:.2f}"}


def _read(rows: QuerySet[Generation]) -> Iterable[Generation]:
    columns = ("pk", "status", "wanted", "cost_usd", "price__cost_usd")
    return rows.select_related("price").only(*columns)[:MOST_READ]
