"""A changed quota takes effect at once: this month's limit follows it.

The person whose own quota was changed gets it now, whatever was set for this month before. Where a
default was changed (a team's quota for its members, or a person's team), a limit that had been set
apart for this month stays. A month that nobody has drawn on yet opens with the new quota anyway.
"""

from django.utils.translation import gettext as _

from accounts import ledger
from accounts.models import Allowance, Team, User


def follow_own_quota(owner: User | Team, *, actor: User) -> None:
    """Bring this month's limit of `owner` to the quota in force. A team without a cap has none."""
    if isinstance(owner, Team) and owner.quota is None:
        return
    allowance = _open_allowance(owner)
    quota, origin = ledger.quota_in_force(owner)
    if allowance and allowance.limit != quota:
        reason = _("The monthly quota was changed.")
        ledger.set_limit(owner, quota, actor=actor, reason=reason, origin=origin)


def follow_default(user: User, *, before: int, actor: User) -> None:
    """Bring this month's limit of `user` to a changed default, if it still was the one `before`."""
    allowance = _open_allowance(user)
    if allowance and allowance.limit == before:
        follow_own_quota(user, actor=actor)


def follow_team(team: Team, *, members_before: int, actor: User) -> None:
    """Apply a changed default of `team` to its members; `members_before` was in force till now."""
    for user in team.members.filter(quota__isnull=True).select_related("team"):
        follow_default(user, before=members_before, actor=actor)


def _open_allowance(owner: User | Team) -> Allowance | None:
    month = ledger.month_of_owner(owner)
    who = {"team": owner} if isinstance(owner, Team) else {"user": owner}
    return Allowance.objects.filter(**who, month=month).first()
