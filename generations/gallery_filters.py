"""What the gallery shows: the filter of its address, and the time that it means."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from generations.imaging.shapes import SHAPES
from generations.models.mark import MOST_STARS

LONGEST_QUERY = 300  # characters, of which only the first words are searched
LONGEST_VALUE = 100
ON = "1"
TODAY, WEEK, MONTH = "today", "week", "month"
TIMES: dict[str, str | Promise] = {
    TODAY: _("Today"),
    WEEK: _("Last 7 days"),
    MONTH: _("This month"),
}
YEARS = range(2000, 3000)
# Names of the fields in the address, where they differ.
_NAMES = {"query": "q", "shape": "format", "since": "from", "until": "to", "hidden": "bin"}


@dataclass(frozen=True)
class Filter:
    """What to show. Each field is a text of the address; an empty one leaves nothing out.

    `campaign`, `person` and `tag` are identifiers, `shape` is a class such as r32, `when` is one
    of `TIMES`, `since` and `until` are days. `rating` is the least rating that the viewer gave.
    `starred` and `hidden` are switches; `hidden` shows the bin.
    """

    query: str = ""
    campaign: str = ""
    person: str = ""
    engine: str = ""
    shape: str = ""
    when: str = ""
    since: str = ""
    until: str = ""
    starred: str = ""
    rating: str = ""
    tag: str = ""
    hidden: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Filter":
        """The filter of an address. Values that nothing can have are left out."""
        values = {
            name: given.get(_NAMES.get(name, name), "").strip()[:LONGEST_QUERY]
            for name in cls.__dataclass_fields__
        }
        return cls(**values)._without_nonsense()

    def _without_nonsense(self) -> "Filter":
        return replace(
            self,
            engine=self.engine[:LONGEST_VALUE],
            shape=self.shape if self.shape in SHAPES else "",
            when=self.when if self.when in TIMES else "",
            since=self.since if _day(self.since) else "",
            until=self.until if _day(self.until) else "",
            starred=ON if self.starred == ON else "",
            rating=self.rating if self.rating in _RATINGS else "",
            hidden=ON if self.hidden == ON else "",
        )

    @property
    def given(self) -> dict[str, str]:
        """What was chosen, by the names of the address."""
        return {_NAMES.get(name, name): value for name, value in asdict(self).items() if value}

    @property
    def as_query(self) -> str:
        """The filter as a query string, without the question mark."""
        return urlencode(self.given)

    def changed(self, **values: str) -> str:
        """The query string of this filter with other values."""
        return replace(self, **values).as_query

    @property
    def is_indexed(self) -> bool:
        """Whether the index of runs finds what is chosen."""
        return any((self.query, self.campaign, self.person, self.engine, self.shape))

    @property
    def is_picked(self) -> bool:
        """Whether people have picked the images: by a star, a rating or a tag, or hidden them."""
        return any((self.starred, self.rating, self.tag, self.hidden))


@dataclass(frozen=True)
class Period:
    """From `start` up to, but not including, `end`; None stands for no limit."""

    start: dt.datetime | None = None
    end: dt.datetime | None = None

    @property
    def conditions(self) -> dict[str, dt.datetime]:
        """The period as conditions on the time at which images were made."""
        limits = {"created_at__gte": self.start, "created_at__lt": self.end}
        return {name: moment for name, moment in limits.items() if moment}


def period_of(user: User, chosen: Filter) -> Period:
    """When the chosen images were made, by the days of the user's team."""
    zone = user.tzinfo
    today = timezone.now().astimezone(zone).date()
    first = {TODAY: today, WEEK: today - dt.timedelta(days=6), MONTH: today.replace(day=1)}
    days = [day for day in (first.get(chosen.when), _day(chosen.since)) if day]
    last = _day(chosen.until)
    start = dt.datetime.combine(max(days), dt.time(), zone) if days else None
    end = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), zone) if last else None
    return Period(start, end)


_RATINGS = [str(number) for number in range(1, MOST_STARS + 1)]


def _day(text: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None
