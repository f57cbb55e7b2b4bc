"""The days that a page about usage shows, as they stand in its URL."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

LONGEST = 366  # days
EARLIEST, LATEST = dt.date(2000, 1, 1), dt.date(2999, 12, 31)


@dataclass(frozen=True)
class Period:
    """All days from `first` to `last`, both included."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """The period that it is compared with: a month with the month before, and otherwise as
        many days before it."""
        last = self.first - dt.timedelta(days=1)
        if self.is_a_month:
            return month(last)
        return Period(last - dt.timedelta(days=self.days - 1), last)

    @property
    def is_a_month(self) -> bool:
        return self == month(self.first)

    @property
    def as_query(self) -> str:
        return f"from={self.first.isoformat()}&to={self.last.isoformat()}"

    def __iter__(self) -> Iterator[dt.date]:
        return (self.first + dt.timedelta(days=number) for number in range(self.days))


def month(day: dt.date) -> Period:
    """The month in which `day` lies."""
    first = day.replace(day=1)
    following = (first + dt.timedelta(days=31)).replace(day=1)
    return Period(first, following - dt.timedelta(days=1))


def presets(today: dt.date) -> list[tuple[str, Period]]:
    """The periods that the page offers, with their names."""
    this = month(today)
    return [
        (_("This month"), this),
        (_("Last month"), this.before),
        (_("Last 30 days"), Period(today - dt.timedelta(days=29), today)),
        (_("Last 12 months"), Period(today - dt.timedelta(days=364), today)),
    ]


def period_asked(given: Mapping[str, str], today: dt.date) -> tuple[Period, str]:
    """The period that `from` and `to` name, or this month; and what is wrong with them, if it is.

    With one of the two, the period is the month of that day.
    """
    first, last = (given.get(name, "").strip() for name in ("from", "to"))
    if not first and not last:
        return month(today), ""
    try:
        days = [dt.date.fromisoformat(text) for text in (first, last) if text]
    except ValueError:
        return month(today), _("Write days as 2026-11-22. This month is shown.")
    return _checked(days, today)


def _checked(days: list[dt.date], today: dt.date) -> tuple[Period, str]:
    if not all(EARLIEST <= day <= LATEST for day in days):
        return month(today), _("Choose days between 2000 and 2999. This month is shown.")
    found = Period(*days) if len(days) > 1 else month(days[0])
    if found.first > found.last:
        return month(today), _("The first day is after the last. This month is shown.")
    if found.days > LONGEST:
        return month(today), _("Choose at most a year. This month is shown.")
    return found, ""
