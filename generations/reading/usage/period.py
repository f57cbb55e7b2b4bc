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
        """The period that it is compared with: whole months with as many months before them, and
        others with as many days."""
        last = self.first - dt.timedelta(days=1)
        if self.whole_months == self:
            return Period(months_before(last, len(self.months) - 1), last)
        return Period(last - dt.timedelta(days=self.days - 1), last)

    @property
    def months(self) -> list["Period"]:
        """The months of the period. The first and the last one may be cut by it."""
        found = [self._of_month(self.first)]
        while found[-1].last < self.last:
            found.append(self._of_month(found[-1].last + dt.timedelta(days=1)))
        return found

    @property
    def whole_months(self) -> "Period | None":
        """All months that lie in the period, which follow one another."""
        whole = [each for each in self.months if each == month(each.first)]
        return Period(whole[0].first, whole[-1].last) if whole else None

    @property
    def edges(self) -> "list[Period]":
        """The months that are cut by the period: none, one or two."""
        return [each for each in self.months if each != month(each.first)]

    def _of_month(self, day: dt.date) -> "Period":
        whole = month(day)
        return Period(max(whole.first, self.first), min(whole.last, self.last))

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


def months_before(day: dt.date, number: int) -> dt.date:
    """The first day of the month that lies so many months before that of `day`."""
    months = day.year * 12 + day.month - 1 - number
    return dt.date(months // 12, months % 12 + 1, 1)


def presets(today: dt.date) -> list[tuple[str, Period]]:
    """The periods that the page offers, with their names."""
    this = month(today)
    return [
        (_("This month"), this),
        (_("Last month"), this.before),
        (_("Last 30 days"), Period(today - dt.timedelta(days=29), today)),
        (_("Last 12 months"), Period(months_before(today, 11), this.last)),
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
