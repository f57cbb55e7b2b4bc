"""What is left: for pages, and to refuse early."""

import datetime as dt
from dataclasses import dataclass

from accounts.errors import InsufficientCredits
from accounts.ledger.months import allowance_of
from accounts.ledger.origins import origin_of
from accounts.models import Allowance, User


@dataclass(frozen=True)
class Balance:
    """One person's credits this month, as the side bar and the composer's button show them.

    `left` is what may be used now: the person's own credits, or the team's if fewer are left there.
    `origin` says where the limit comes from, and what was added until when.
    """

    limit_total: int
    spent: int
    reserved: int
    left: int
    renews_on: dt.date
    origin: str
    team_is_short: bool


def balance(user: User) -> Balance:
    own, team = allowance_of(user), allowance_of(user.team)
    assert own is not None  # noqa: S101  # people always have one
    team_left = team.left if team else own.left
    return Balance(
        limit_total=own.total,
        spent=own.spent,
        reserved=own.reserved,
        left=max(min(own.left, team_left), 0),
        renews_on=own.renews_on,
        origin=origin_of(own, user),
        team_is_short=team_left < own.left,
    )


def refuse_shortfall(user: User, credits: int) -> None:
    """Raise InsufficientCredits if `user` has fewer than `credits` left. Reserves nothing.

    Call this to fail early. Only `reserve` decides.
    """
    for whose, allowance in allowances_of(user):
        if allowance.left < credits:
            raise shortfall(whose, allowance, credits)


def allowances_of(user: User) -> list[tuple[str, Allowance]]:
    """The allowances that pay for `user`: their own, and the team's if it has a cap."""
    found = [("person", allowance_of(user)), ("team", allowance_of(user.team))]
    return [(whose, allowance) for whose, allowance in found if allowance is not None]


def shortfall(whose: str, allowance: Allowance, needed: int) -> InsufficientCredits:
    left, renews_on = max(allowance.left, 0), allowance.renews_on
    return InsufficientCredits(needed=needed, left=left, renews_on=renews_on, whose=whose)
