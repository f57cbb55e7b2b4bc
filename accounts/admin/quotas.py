"""A changed quota takes effect at once: this month's limit changes too.

If a person's own quota is changed, this month's limit becomes the new quota, even if another one
was set for this month. If a default is changed (a team's quota for its members, or a person's
team), a limit that was set for this month stays. A month that has not been opened yet opens with
the new quota anyway.
"""

from django.utils.translation import gettext as _

from accounts import ledger
from accounts.models import Allowance, Team, User


def follow_own_quota(owner: User | Team, *, actor: User) -> None:
    """Set this month's limit of `owner` to the quota in force. A team without a cap has none."""
    if isinstance(owner, Team) and owner.quota is None:
        return
    allowance = _open_allowance(owner)
    quota, origin = ledger.quota_in_force(owner)
    if allowance and allowance.limit != quota:
        reason = _("The monthly quota was changed.")
        ledger.set_limit(owner, quota, actor=actor, reason=reason, origin=origin)


def follow_default(user: User, *, before: int, actor: User) -> None:
    """Set this month's limit of `user` to a changed default, if it still equals `before`."""
    allowance = _open_allowance(user)
    if allowance and allowance.limit == before:
        follow_own_quota(user, actor=actor)


def follow_team(team: Team, *, members_before: int, actor: User) -> None:
    """Apply a changed default of `team` to its members. `members_before` is the old default."""
    for user in team.members.filter(quota__isnull=True).select_related("team"):
        follow_default(user, before=members_before, actor=actor)


def _open_allowance(owner: User | Team) -> Allowance | None:
    month = ledger.month_of_owner(owner)
    who = {"team": owner} if isinstance(owner, Team) else {"user": owner}
    return Allowance.objects.filter(**who, month=month).first()
