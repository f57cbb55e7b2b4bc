"""Planned quotas: they become quotas when their month begins."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import PlannedQuota, Team, User

Kind = PlannedQuota.Kind


@dataclass(frozen=True)
class Upcoming:
    """Credits a month that somebody has from the first day of `month` on."""

    month: dt.date
    credits: int


def upcoming(user: User) -> list[Upcoming]:
    """How the monthly credits of `user` change, by what is planned for them and their team."""
    of_team = Q(team=user.team_id, kind=Kind.MEMBERS)
    return list(_changes(user, _open().filter(Q(user=user) | of_team)))


def bring_into_effect(owner: User | Team, month: dt.date) -> list[str]:
    """Make what is planned for `owner` up to `month` their quota; returns the kinds of the plans.

    Afterwards `owner` has the quotas that the database holds, whoever brought them into effect.
    """
    due = _open().filter(_of(owner), month__lte=month)
    done = [str(planned.kind) for planned in due if _bring_into_effect(planned)]
    owner.refresh_from_db(fields=[_field(kind) for kind in _kinds_of(owner)])
    return done


@transaction.atomic
def _bring_into_effect(planned: PlannedQuota) -> bool:
    now = timezone.now()
    if not _open().filter(pk=planned.pk).update(took_effect_at=now):
        return False  # Another process was first.
    model: type[User | Team] = User if planned.kind == Kind.OWN else Team
    key: Any = planned.user_id or planned.team_id
    owner = model._base_manager.select_for_update().get(pk=key)
    field = _field(planned.kind)
    before = getattr(owner, field)
    model._base_manager.filter(pk=owner.pk).update(**{field: planned.credits})
    facts = {"quota": str(planned.kind), "before": before, "after": planned.credits}
    facts["month"] = f"{planned.month:%Y-%m}"
    audit.record(Event.QUOTA_TOOK_EFFECT, actor=None, subject=owner, facts=facts)
    return True


def _changes(user: User, plans: QuerySet[PlannedQuota]) -> Iterator[Upcoming]:
    own, default = user.quota, user.team.member_quota
    shown = own if own is not None else default
    months: dict[dt.date, int] = {}
    for planned in plans:
        if planned.kind == Kind.OWN:
            own = planned.credits
        else:
            default = planned.credits
        in_force = own if own is not None else default
        assert in_force is not None  # noqa: S101  # at least the plan's
        months[planned.month] = in_force
    for month, credits in months.items():
        if credits != shown:
            yield Upcoming(month, credits)
        shown = credits


def _open() -> QuerySet[PlannedQuota]:
    return PlannedQuota.objects.filter(took_effect_at__isnull=True).order_by("month", "pk")


def _of(owner: User | Team) -> Q:
    return Q(team=owner) if isinstance(owner, Team) else Q(user=owner)


def _kinds_of(owner: User | Team) -> tuple[str, ...]:
    return (Kind.MEMBERS, Kind.CAP) if isinstance(owner, Team) else (Kind.OWN,)


def _field(kind: str) -> str:
    """The field of a person or a team that holds the quota of this kind."""
    return "member_quota" if kind == Kind.MEMBERS else "quota"
