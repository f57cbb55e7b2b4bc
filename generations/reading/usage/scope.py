"""Whose usage a person may see, and what they chose of it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any, TypeVar

from django.db.models import Max, Model, Q, QuerySet

from accounts.identifiers import uuid_of
from accounts.models import Team, User
from generations.models import UsageDay, WaitDay
from generations.models.usage import UsedInMonth
from generations.reading.usage.period import Period, month

Row = TypeVar("Row", bound=Model)
SEE_ALL = "generations.view_usageday"


@dataclass(frozen=True)
class Scope:
    """One team, or all if `team` is None. `teams` are those that may be chosen."""

    team: Team | None
    teams: list[Team]

    def usage(self, period: Period) -> QuerySet[UsageDay]:
        """The totals of each day."""
        return self._of_team(UsageDay.objects.filter(day__range=_range(period)))

    def parts(self, period: Period, months: type[UsedInMonth]) -> list[QuerySet[Any]]:
        """Rows that together add up to a period: those of whole months from the table `months`,
        which are few, and those of the days at its edges."""
        period = self._filled(period)
        found: list[QuerySet[Any]] = []
        if whole := period.whole_months:
            rows = months._default_manager.filter(month__range=_range(whole))
            found.append(self._of_team(rows))
        if edges := [Q(day__range=_range(edge)) for edge in period.edges]:
            found.append(self._of_team(UsageDay.objects.filter(reduce(or_, edges))))
        return found

    def waits(self, period: Period) -> QuerySet[WaitDay]:
        return self._of_team(WaitDay.objects.filter(day__range=_range(period)))

    def _filled(self, period: Period) -> Period:
        """The period to the end of its last month if there are no totals after it, as there are
        none after today: a month that is under way is then read as a whole one."""
        end = month(period.last).last
        if period.last == end or (self._newest and self._newest > period.last):
            return period
        return Period(period.first, end)

    @cached_property
    def _newest(self) -> dt.date | None:
        """The last day that has a total."""
        found = self._of_team(UsageDay.objects.all()).aggregate(newest=Max("day"))
        newest: dt.date | None = found["newest"]
        return newest

    def _of_team(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        return (rows.filter(team=self.team) if self.team else rows).order_by()


def _range(period: Period) -> tuple[dt.date, dt.date]:
    return period.first, period.last


def scope_of(reader: User, given: Mapping[str, str]) -> Scope:
    """What `reader` sees: all teams or the one chosen, or only their own without the right."""
    if not reader.has_perm(SEE_ALL):
        return Scope(reader.team, [])
    teams = list(Team.objects.order_by("name", "pk"))
    wanted = uuid_of(given.get("team", ""))
    return Scope(next((team for team in teams if team.uuid == wanted), None), teams)
