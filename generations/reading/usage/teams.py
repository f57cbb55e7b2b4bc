"""What each team has used of its credits this month, and how long its cap lasts."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, F, Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import ledger
from accounts.models import Allowance, Team, User
from generations.reading.usage.scope import Scope

MOST = 100  # teams
# From this share of a cap on, the bar has another colour.
HIGH = 0.8
USED = F("spent") + F("reserved")


@dataclass(frozen=True)
class TeamLine:
    """A team's month in credits. `limit` is None without a cap. `tone` is "", "warn" or "bad".

    `link` is the address of the team in the admin, or empty.
    """

    name: str
    people: int
    used: int
    limit: int | None
    forecast: str
    tone: str
    link: str

    @property
    def high(self) -> int | None:
        return None if self.limit is None else int(HIGH * self.limit)


def team_lines(reader: User, scope: Scope) -> list[TeamLine]:
    """A line for each team of `scope`, in a constant number of queries."""
    keys = [scope.team.pk] if scope.team else [team.pk for team in scope.teams[:MOST]]
    active = Count("members", filter=Q(members__is_active=True))
    teams = list(Team.objects.filter(pk__in=keys).annotate(people=active).order_by("name", "pk"))
    used, caps = _used_by_members(teams), _caps(teams)
    return [_line(team, used.get(team.pk, 0), caps.get(team.pk), reader) for team in teams]


def _this_month(teams: Sequence[Team], owner: str) -> Q:
    """Match the allowances of this month, which at its edges is not the same for all teams."""
    months: dict[dt.date, list[int]] = {}
    for team in teams:
        months.setdefault(ledger.month_of(team), []).append(team.pk)
    found = Q(pk__in=[])
    for month, keys in months.items():
        found |= Q(month=month, **{f"{owner}__in": keys})
    return found


def _used_by_members(teams: Sequence[Team]) -> Mapping[int, int]:
    rows = Allowance.objects.filter(_this_month(teams, "user__team")).order_by()
    return dict(rows.values_list("user__team").annotate(sum_used=Sum(USED)))


def _caps(teams: Sequence[Team]) -> Mapping[int, Allowance]:
    capped = [team for team in teams if team.quota is not None]
    rows = Allowance.objects.filter(_this_month(capped, "team")).order_by()
    return {row.team_id: row for row in rows if row.team_id}


def _line(team: Team, used: int, cap: Allowance | None, reader: User) -> TeamLine:
    if team.quota is not None:
        used = cap.spent + cap.reserved if cap else 0
    limit = cap.total if cap else team.quota
    forecast, tone = ("", "") if limit is None else _forecast(team, used, limit)
    return TeamLine(
        name=team.name,
        people=getattr(team, "people", 0),
        used=used,
        limit=limit,
        forecast=forecast,
        tone=tone,
        link=(
            reverse("admin:accounts_team_change", args=[team.pk])
            if reader.is_staff and reader.has_perm("accounts.change_team")
            else ""
        ),
    )


def _forecast(team: Team, used: int, limit: int) -> tuple[str, str]:
    """How long the cap lasts at the pace of this month so far, and the tone of these words."""
    if used >= limit:
        return _("Used up"), "bad"
    today = timezone.now().astimezone(team.tzinfo).date()
    days = (limit - used) * today.day // used if used else 31
    if today + dt.timedelta(days=days) >= ledger.last_day_of(today):
        return _("On track"), ""
    return ngettext("Runs out in %(n)d day", "Runs out in %(n)d days", days) % {"n": days}, "warn"
