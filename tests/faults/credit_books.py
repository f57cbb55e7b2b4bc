"""A model of the credits in plain Python: what the studio must have done, without its code."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

Owner = tuple[str, int]  # "user" or "team", and the key


@dataclass
class Team:
    time_zone: str
    cap: int | None
    default: int


@dataclass
class Person:
    team: int
    quota: int | None


@dataclass
class Month:
    """The credits of an owner in a month."""

    limit: int
    top_up: int = 0
    reserved: int = 0
    spent: int = 0

    @property
    def left(self) -> int:
        return self.limit + self.top_up - self.reserved - self.spent

    @property
    def columns(self) -> tuple[int, int, int, int]:
        return self.limit, self.top_up, self.reserved, self.spent


@dataclass
class Request:
    """A request for `wanted` images, and the months that pay for it."""

    months: list[Month]
    price: int
    wanted: int
    delivered: int = 0
    spent: int | None = None
    released: int = 0

    @property
    def reserved(self) -> int:
        return self.wanted * self.price

    def end(self, charge: int | None = None) -> None:
        """Resolve the reservation at the first end; a later one changes nothing."""
        if self.spent is not None:
            return
        earned = self.delivered * self.price if charge is None else charge
        self.spent = min(earned, self.reserved)
        self.released = self.reserved - self.spent
        for month in self.months:
            month.reserved -= self.reserved
            month.spent += self.spent


@dataclass
class TimedTopUp:
    """Credits that end: what is left of them is taken back from the moment `ends_at` on."""

    owner: Owner
    month: dt.date
    credits: int
    ends_at: dt.datetime


@dataclass
class Books:
    now: dt.datetime
    teams: dict[int, Team] = field(default_factory=dict)
    people: dict[int, Person] = field(default_factory=dict)
    months: dict[tuple[Owner, dt.date], Month] = field(default_factory=dict)
    requests: dict[UUID, Request] = field(default_factory=dict)
    timed: list[TimedTopUp] = field(default_factory=list)

    def day_of(self, owner: Owner) -> dt.date:
        return self.now.astimezone(self._zone(owner)).date()

    def end_of(self, owner: Owner, day: dt.date) -> dt.datetime:
        """When `day` is over for the team that the owner has now."""
        return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), self._zone(owner))

    def _zone(self, owner: Owner) -> ZoneInfo:
        kind, key = owner
        return ZoneInfo(self.teams[self.people[key].team if kind == "user" else key].time_zone)

    def month_of(self, owner: Owner) -> Month:
        """The owner's month, which begins with the quota of that moment."""
        key = owner, self.day_of(owner).replace(day=1)
        if key not in self.months:
            self.months[key] = Month(self._quota(owner))
        return self.months[key]

    def payers(self, person: int) -> list[Month]:
        team = self.people[person].team
        own = [self.month_of(("user", person))]
        return own if self.teams[team].cap is None else [*own, self.month_of(("team", team))]

    def may_reserve(self, person: int, credits: int) -> bool:
        return all(month.left >= credits for month in self.payers(person))

    def reserve(self, person: int, made: dict[UUID, int], price: int) -> None:
        """Take the credits of requests, given with the images that each wants."""
        months = self.payers(person)
        for uuid, wanted in made.items():
            self.requests[uuid] = request = Request(months, price, wanted)
            for month in months:
                month.reserved += request.reserved

    def end_top_ups(self) -> int:
        """Take back what is unused of top-ups that have ended; returns how many ended."""
        due = [each for each in self.timed if self.now >= each.ends_at]
        for each in due:
            self.timed.remove(each)
            month = self.months[each.owner, each.month]
            month.top_up -= max(min(each.credits, month.left), 0)
        return len(due)

    def _quota(self, owner: Owner) -> int:
        kind, key = owner
        if kind == "team":
            return self.teams[key].cap or 0
        person = self.people[key]
        return self.teams[person.team].default if person.quota is None else person.quota

    def columns(self) -> dict[Any, tuple[int, int, int, int]]:
        return {key: month.columns for key, month in self.months.items()}
