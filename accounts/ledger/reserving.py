"""Credits of generations: reserved before a provider is called, and resolved once."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts.ledger.entering import digests, entered, new_entry
from accounts.ledger.reading import allowances_of, shortfall
from accounts.models import Allowance, Entry, User

Kind = Entry.Kind


@dataclass(frozen=True)
class Settled:
    """What came of a person's reservation, in credits, and the digests of the entries."""

    spent: int
    released: int
    entries: list[str]


@transaction.atomic
def reserve(user: User, amounts: Mapping[UUID, int], *, price: UUID) -> list[str]:
    """Reserve credits for generations: `amounts` gives credits by generation.

    Returns the digests of the entries, for the record of the caller's act. The credits are taken
    from the person's allowance and, if the team has a cap, from the team's too; if one of them is
    short, from neither. Raises InsufficientCredits.
    """
    total = sum(amounts.values())
    entries: list[Entry] = []
    for whose, allowance in allowances_of(user):
        if not _reserve_in(allowance, total):
            allowance.refresh_from_db()
            raise shortfall(whose, allowance, total)
        entries += Entry.objects.bulk_create(
            new_entry(
                allowance=allowance,
                kind=Kind.RESERVE,
                amount=amount,
                generation=generation,
                price=price,
                actor=user,
            )
            for generation, amount in amounts.items()
        )
    return digests(entries)


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
    return digests(
        [
            entered(
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
