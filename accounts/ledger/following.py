"""A changed quota takes effect at once: this month's limit changes too.

If a person's own quota is changed, this month's limit becomes the new quota, even if another one
was set for this month. If a default is changed (a team's quota for its members, or a person's
team), a limit that was set for this month stays. A month that has not been opened yet opens with
the new quota anyway.
"""

import datetime as dt
import logging

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.ledger import planning
from accounts.ledger.adjusting import set_limit
from accounts.ledger.months import month_of_owner, quota_in_force
from accounts.models import Allowance, PlannedQuota, Team, User

log = logging.getLogger(__name__)
Kind = PlannedQuota.Kind
# A month begins first where clocks are this far ahead of UTC.
FIRST_MIDNIGHT = dt.timedelta(hours=14)
# And last where they are this far behind it.
LAST_MIDNIGHT = dt.timedelta(hours=12)


def follow_own_quota(owner: User | Team, *, actor: User | None, reason: str = "") -> None:
    """Set this month's limit of `owner` to the quota in force. A team without a cap has none."""
    if isinstance(owner, Team) and owner.quota is None:
        return
    allowance = _open_allowance(owner)
    quota, origin = quota_in_force(owner)
    if allowance and allowance.limit != quota:
        why = reason or _("The monthly quota was changed.")
        set_limit(owner, quota, actor=actor, reason=why, origin=origin)
    elif allowance and allowance.origin != origin:
        Allowance.objects.filter(pk=allowance.pk, limit=quota).update(origin=origin)


def follow_default(user: User, *, before: int, actor: User | None) -> None:
    """Set this month's limit of `user` to a changed default, if it still equals `before`."""
    allowance = _open_allowance(user)
    if allowance and allowance.limit == before:
        follow_own_quota(user, actor=actor)


def follow_team(team: Team, *, members_before: int, actor: User | None) -> None:
    """Apply a changed default of `team` to its members. `members_before` is the old default."""
    for user in team.members.filter(quota__isnull=True).select_related("team"):
        follow_default(user, before=members_before, actor=actor)


def member_default(team: Team) -> int:
    """Credits a month of a member of `team` without their own quota."""
    quota, _origin = quota_in_force(User(team=team))
    return quota


def start_planned_quotas() -> int:
    """Bring the planned quotas into effect whose month has begun; returns how many.

    A month that a request opens has done so already. This changes what pages show of people who
    have not been here in the month, and months that were open before it was planned.
    """
    latest = (timezone.now() + FIRST_MIDNIGHT).date()
    due = PlannedQuota.objects.filter(took_effect_at__isnull=True, month__lte=latest)
    rows = due.select_related("user__team", "team").order_by("month", "pk")
    return sum([_started(planned) for planned in rows])


def has_overdue_plans(before: dt.datetime) -> bool:
    """Whether a quota whose month had begun everywhere by this moment has not taken effect."""
    month = (before - LAST_MIDNIGHT).date()
    return PlannedQuota.objects.filter(took_effect_at__isnull=True, month__lte=month).exists()


def _started(planned: PlannedQuota) -> int:
    owner = planned.user or planned.team
    if owner is None or planned.month > month_of_owner(owner):
        return 0
    try:
        return _start(owner, planned.month)
    except Exception:
        # One that fails must not keep the others: it stays due, and is logged again.
        log.exception("Planned quota %s could not take effect", planned.uuid)
        return 0


@transaction.atomic
def _start(owner: User | Team, month: dt.date) -> int:
    before = member_default(owner) if isinstance(owner, Team) else 0
    done = planning.bring_into_effect(owner, month)
    if {Kind.OWN, Kind.CAP} & set(done):
        follow_own_quota(owner, actor=None)
    if isinstance(owner, Team) and Kind.MEMBERS in done:
        follow_team(owner, members_before=before, actor=None)
    return len(done)


def _open_allowance(owner: User | Team) -> Allowance | None:
    month = month_of_owner(owner)
    who = {"team": owner} if isinstance(owner, Team) else {"user": owner}
    return Allowance.objects.filter(**who, month=month).first()
