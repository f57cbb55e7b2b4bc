"""Whose usage a person may see, and what they chose of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.identifiers import uuid_of
from accounts.models import Team, User
from generations.models import UsageDay, WaitDay
from generations.reading.usage.period import Period

SEE_ALL = "generations.view_usageday"


@dataclass(frozen=True)
class Scope:
    """One team, or all if `team` is None. `teams` are those that may be chosen."""

    team: Team | None
    teams: list[Team]

    def usage(self, period: Period) -> QuerySet[UsageDay]:
        rows = UsageDay.objects.filter(day__range=(period.first, period.last)).order_by()
        return rows.filter(team=self.team) if self.team else rows

    def waits(self, period: Period) -> QuerySet[WaitDay]:
        rows = WaitDay.objects.filter(day__range=(period.first, period.last)).order_by()
        return rows.filter(team=self.team) if self.team else rows


def scope_of(reader: User, given: Mapping[str, str]) -> Scope:
    """What `reader` sees: all teams or the one chosen, or only their own without the right."""
    if not reader.has_perm(SEE_ALL):
        return Scope(reader.team, [])
    teams = list(Team.objects.order_by("name", "pk"))
    wanted = uuid_of(given.get("team", ""))
    return Scope(next((team for team in teams if team.uuid == wanted), None), teams)
