"""The only writer of credits: every change is one UPDATE with its entries.

Credits are whole numbers. Credits are reserved before a provider is called. The reservation is
resolved once: credits for the images that arrived are settled (spent), the rest are released. Both
count for the month of the reservation.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, personal_notices
from accounts.errors import InsufficientCredits, InvalidAmount
from accounts.events import Event
from accounts.models import Allowance, Entry, Team, User

Kind = Entry.Kind
MAX_CREDITS = 100_000_000


@dataclass(frozen=True)
class Balance:
    """One person's credits this month, as the side bar and the composer's button show them.

    `left` is what may be used now: the person's own credits, or the team's if fewer are left there.
    """

    limit_total: int
    spent: int
    reserved: int
    left: int
    renews_on: dt.date
    origin: str
    team_is_short: bool


@dataclass(frozen=True)
class Settled:
    """What came of a person's reservation, in credits, and the digests of the entries."""

    spent: int
    released: int
    entries: list[str]


@dataclass(frozen=True)
class Drift:
    """An allowance whose columns differ from the sums of its entries."""

    allowance: Allowance
    columns: Mapping[str, int]
    sums: Mapping[str, int]


# --- Reading -----------------------------------------------------------------------------------


def month_of(team: Team, moment: dt.datetime | None = None) -> dt.date:
    """The first day of the month of `moment` (default: now) in the team's time zone."""
    return (moment or timezone.now()).astimezone(team.tzinfo).date().replace(day=1)


def allowance_of(owner: User | Team) -> Allowance | None:
    """Return this month's allowance, opened if needed; None for a team without a cap."""
    if isinstance(owner, Team) and owner.quota is None:
        return None
    month = month_of_owner(owner)
    found = owner.allowances.filter(month=month).order_by()  # one at most, so in no order
    return found.first() or _open_allowance(owner, month)


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
        origin=own.get_origin_display(),
        team_is_short=team_left < own.left,
    )


def refuse_shortfall(user: User, credits: int) -> None:
    """Raise InsufficientCredits if `user` has fewer than `credits` left. Reserves nothing.

    Call this to fail early. Only `reserve` decides.
    """
    for whose, allowance in _allowances(user):
        if allowance.left < credits:
            raise _shortfall(whose, allowance, credits)


# --- Reserving and spending --------------------------------------------------------------------


@transaction.atomic
def reserve(user: User, amounts: Mapping[UUID, int], *, price: UUID) -> list[str]:
    """Reserve credits for generations: `amounts` gives credits by generation.

    Returns the digests of the entries, for the record of the caller's act. The credits are taken
    from the person's allowance and, if the team has a cap, from the team's too; if one of them is
    short, from neither. Raises InsufficientCredits.
    """
    total = sum(amounts.values())
    entries: list[Entry] = []
    for whose, allowance in _allowances(user):
        if not _reserve_in(allowance, total):
            allowance.refresh_from_db()
            raise _shortfall(whose, allowance, total)
        entries += Entry.objects.bulk_create(
            _entry(
                allowance=allowance,
                kind=Kind.RESERVE,
                amount=amount,
                generation=generation,
                price=price,
                actor=user,
            )
            for generation, amount in amounts.items()
        )
    return _digests(entries)


def _allowances(user: User) -> list[tuple[str, Allowance]]:
    """The allowances that pay for `user`: their own, and the team's if it has a cap."""
    found = [("person", allowance_of(user)), ("team", allowance_of(user.team))]
    return [(whose, allowance) for whose, allowance in found if allowance is not None]


def _shortfall(whose: str, allowance: Allowance, needed: int) -> InsufficientCredits:
    left, renews_on = max(allowance.left, 0), allowance.renews_on
    return InsufficientCredits(needed=needed, left=left, renews_on=renews_on, whose=whose)


@transaction.atomic
def settle(
    generation: UUID, credits: int, *, actor: User | None = None, reason: str = ""
) -> Settled:
    """Resolve a generation's reservation: spend `credits` and release the rest.

    Never spends more than was reserved, and nothing if the reservation was resolved before.
    """
    reservations = list(
        Entry.objects.filter(generation=generation, kind=Kind.RESERVE)
        .select_related("allowance__user", "allowance__team")
        .order_by("allowance_id")
    )
    if not reservations or _is_resolved(generation):
        return Settled(0, 0, [])
    spent = min(max(credits, 0), reservations[0].amount)
    released = reservations[0].amount - spent
    entries: list[str] = []
    for entry in reservations:
        entries += _resolve(entry, spent=spent, released=released, actor=actor, reason=reason)
    return Settled(spent, released, entries)


# --- Quotas ------------------------------------------------------------------------------------


@transaction.atomic
def set_limit(
    owner: User | Team,
    credits: int,
    *,
    actor: User | None,
    reason: str,
    origin: str = Allowance.Origin.ADMIN,
) -> Allowance:
    """Set this month's limit. A limit below what is in use stops new runs but takes nothing back.

    Raises InvalidAmount, also for a team without a cap.
    """
    _refuse_amount(credits, minimum=0)
    allowance = _changeable(owner)
    before = Allowance.objects.select_for_update().get(pk=allowance.pk).limit
    Allowance.objects.filter(pk=allowance.pk).update(limit=credits, origin=origin)
    entries = _enter(allowance, Kind.LIMIT, credits - before, actor=actor, reason=reason)
    facts = {"before": before, "after": credits, "month": f"{allowance.month:%Y-%m}"} | entries
    _record(Event.ALLOWANCE_LIMIT_SET, owner, actor=actor, reason=reason, facts=facts)
    allowance.refresh_from_db()
    return allowance


@transaction.atomic
def top_up(owner: User | Team, credits: int, *, actor: User | None, reason: str) -> Allowance:
    """Add credits to this month. Raises InvalidAmount, also for a team without a cap."""
    _refuse_amount(credits, minimum=1)
    allowance = _changeable(owner)
    Allowance.objects.filter(pk=allowance.pk).update(top_up=F("top_up") + credits)
    entries = _enter(allowance, Kind.TOP_UP, credits, actor=actor, reason=reason)
    facts: dict[str, Any] = {"credits": credits, "month": f"{allowance.month:%Y-%m}"}
    facts |= entries
    _record(Event.ALLOWANCE_TOPPED_UP, owner, actor=actor, reason=reason, facts=facts)
    if isinstance(owner, User):
        told = {"credits": credits}
        kind = personal_notices.Kind.CREDITS_ADDED
        personal_notices.tell(owner.pk, kind, cause=entries["entries"][0], facts=told)
    allowance.refresh_from_db()
    return allowance


@transaction.atomic
def write_off(allowance: Allowance, credits: int, *, actor: User | None, reason: str) -> None:
    """Give back spent credits for worthless images. Raises InvalidAmount if fewer were spent."""
    _refuse_amount(credits, minimum=1)
    changed = Allowance.objects.filter(pk=allowance.pk, spent__gte=credits).update(
        spent=F("spent") - credits
    )
    if not changed:
        raise InvalidAmount(_("No more can be written off than was spent in that month."))
    entries = _enter(allowance, Kind.WRITE_OFF, credits, actor=actor, reason=reason)
    facts = {"credits": credits, "month": f"{allowance.month:%Y-%m}"} | entries
    _record(Event.ALLOWANCE_WRITTEN_OFF, _owner(allowance), actor=actor, reason=reason, facts=facts)


# --- Proof -------------------------------------------------------------------------------------


def _owner(allowance: Allowance) -> User | Team:
    owner = allowance.user or allowance.team
    assert owner is not None  # noqa: S101  # a constraint of the table
    return owner


def reconcile() -> list[Drift]:
    """Compare every allowance with the sums of its entries. An empty list proves that all agree."""
    sums = {kind: Sum("entries__amount", filter=Q(entries__kind=kind), default=0) for kind in Kind}
    found = Allowance.objects.annotate(**{f"sum_{kind}": total for kind, total in sums.items()})
    return [drift for allowance in found if (drift := _drift(allowance))]


def _drift(allowance: Allowance) -> Drift | None:
    total = {kind: getattr(allowance, f"sum_{kind}") for kind in Kind}
    sums = {
        "limit": total[Kind.LIMIT],
        "top_up": total[Kind.TOP_UP],
        "reserved": total[Kind.RESERVE] - total[Kind.SETTLE] - total[Kind.RELEASE],
        "spent": total[Kind.SETTLE] - total[Kind.WRITE_OFF],
    }
    columns = {name: getattr(allowance, name) for name in sums}
    return None if columns == sums else Drift(allowance, columns, sums)


# --- Steps -------------------------------------------------------------------------------------


def month_of_owner(owner: User | Team) -> dt.date:
    return month_of(owner if isinstance(owner, Team) else owner.team)


def quota_in_force(owner: User | Team) -> tuple[int, str]:
    """The monthly credits of an owner and where the number comes from (`Allowance.Origin`)."""
    if isinstance(owner, Team):
        return owner.quota or 0, Allowance.Origin.TEAM
    if owner.quota is not None:
        return owner.quota, Allowance.Origin.USER
    if owner.team.member_quota is not None:
        return owner.team.member_quota, Allowance.Origin.TEAM
    return settings.DEFAULT_QUOTA, Allowance.Origin.SITE


def _changeable(owner: User | Team) -> Allowance:
    allowance = allowance_of(owner)
    if allowance is None:
        raise InvalidAmount(_("This team has no cap. Give the team a quota first."))
    return allowance


def _open_allowance(owner: User | Team, month: dt.date) -> Allowance:
    limit, origin = quota_in_force(owner)
    who = {"team": owner} if isinstance(owner, Team) else {"user": owner}
    try:
        with transaction.atomic():
            allowance = Allowance.objects.create(**who, month=month, limit=limit, origin=origin)
            entries = _enter(allowance, Kind.LIMIT, limit, actor=None, reason="")
            facts = {"credits": limit, "month": f"{month:%Y-%m}", "origin": str(origin)} | entries
            _record(Event.ALLOWANCE_OPENED, owner, actor=None, reason="", facts=facts)
    except IntegrityError:  # Another request has opened the month.
        return owner.allowances.get(month=month)
    return allowance


def _reserve_in(allowance: Allowance, credits: int) -> bool:
    return bool(
        Allowance.objects.filter(
            pk=allowance.pk,
            limit__gte=F("reserved") + F("spent") + credits - F("top_up"),
        ).update(reserved=F("reserved") + credits)
    )


def _is_resolved(generation: UUID) -> bool:
    kinds = (Kind.SETTLE, Kind.RELEASE)
    return Entry.objects.filter(generation=generation, kind__in=kinds).exists()


def _resolve(
    reservation: Entry, *, spent: int, released: int, actor: User | None, reason: str
) -> list[str]:
    Allowance.objects.filter(pk=reservation.allowance_id).update(
        reserved=F("reserved") - reservation.amount, spent=F("spent") + spent
    )
    return _digests(
        [
            _entered(
                allowance=reservation.allowance,
                kind=kind,
                amount=amount,
                generation=reservation.generation,
                price=reservation.price,
                actor=actor,
                reason=reason,
            )
            for kind, amount in ((Kind.SETTLE, spent), (Kind.RELEASE, released))
            if amount
        ]
    )


def _enter(
    allowance: Allowance, kind: Kind, amount: int, *, actor: User | None, reason: str
) -> dict[str, list[str]]:
    """Write an entry, unless `amount` is 0; returns the fact about it for the record."""
    if not amount:
        return {"entries": []}
    entry = _entered(allowance=allowance, kind=kind, amount=amount, actor=actor, reason=reason)
    return {"entries": _digests([entry])}


def _entered(**values: Any) -> Entry:
    entry = _entry(**values)
    entry.save(force_insert=True)
    return entry


def _entry(**values: Any) -> Entry:
    """An entry of now, with the digest by which records name it."""
    entry = Entry(created_at=timezone.now(), **values)
    entry.digest = audit.entries.digest(entry)
    return entry


def _digests(entries: Iterable[Entry]) -> list[str]:
    return [entry.digest for entry in entries if entry.digest]


def _record(
    event: Event, owner: User | Team, *, actor: User | None, reason: str, facts: dict
) -> None:
    personal = {"reason": reason} if reason else None
    audit.record(event, actor=actor, subject=owner, facts=facts, personal=personal)


def _refuse_amount(credits: int, *, minimum: int) -> None:
    if not minimum <= credits <= MAX_CREDITS:
        raise InvalidAmount(
            _("Write a whole number of credits from %(least)d to %(most)d.")
            % {"least": minimum, "most": MAX_CREDITS}
        )
