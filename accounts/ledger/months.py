"""Months: one allowance for each owner and month, opened with the quota in force."""

import datetime as dt

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.events import Event
from accounts.ledger import planning
from accounts.ledger.entering import enter, record_act
from accounts.models import Allowance, Entry, Team, User
from accounts.models.allowance import next_month


def month_of(team: Team, moment: dt.datetime | None = None) -> dt.date:
    """The first day of the month of `moment` (default: now) in the team's time zone."""
    return (moment or timezone.now()).astimezone(team.tzinfo).date().replace(day=1)


def month_of_owner(owner: User | Team) -> dt.date:
    return month_of(team_of(owner))


def team_of(owner: User | Team) -> Team:
    """The team whose time zone counts for `owner`."""
    return owner if isinstance(owner, Team) else owner.team


def last_day_of(month: dt.date) -> dt.date:
    return next_month(month) - dt.timedelta(days=1)


def end_of(day: dt.date, team: Team) -> dt.datetime:
    """The moment at which `day` is over in the team's time zone."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), team.tzinfo)


def allowance_of(owner: User | Team) -> Allowance | None:
    """Return this month's allowance, opened if needed; None for a team without a cap."""
    if isinstance(owner, Team) and owner.quota is None:
        return None
    month = month_of_owner(owner)
    found = owner.allowances.filter(month=month).order_by()  # one at most, so in no order
    return found.first() or open_allowance(owner, month)


def quota_in_force(owner: User | Team) -> tuple[int, str]:
    """The monthly credits of an owner and where the number comes from (`Allowance.Origin`)."""
    if isinstance(owner, Team):
        return owner.quota or 0, Allowance.Origin.TEAM
    if owner.quota is not None:
        return owner.quota, Allowance.Origin.USER
    if owner.team.member_quota is not None:
        return owner.team.member_quota, Allowance.Origin.TEAM
    return settings.DEFAULT_QUOTA, Allowance.Origin.SITE


def open_allowance(owner: User | Team, month: dt.date) -> Allowance:
    """Open `month` with the quota in force then, after what was planned has taken effect."""
    if isinstance(owner, User):
        planning.bring_into_effect(owner.team, month)
    planning.bring_into_effect(owner, month)
    limit, origin = quota_in_force(owner)
    who = {"team": owner} if isinstance(owner, Team) else {"user": owner}
    try:
        with transaction.atomic():
            allowance = Allowance.objects.create(**who, month=month, limit=limit, origin=origin)
            entries = enter(allowance, Entry.Kind.LIMIT, limit, actor=None, reason="")
            facts = {"credits": limit, "month": f"{month:%Y-%m}", "origin": str(origin)} | entries
            record_act(Event.ALLOWANCE_OPENED, owner, actor=None, reason="", facts=facts)
    except IntegrityError:  # Another request has opened the month.
        return owner.allowances.get(month=month)
    return allowance
