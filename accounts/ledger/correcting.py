"""Corrections of what a proof has found: entries with a reason. No entry is ever edited."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.errors import InvalidAmount
from accounts.events import Event
from accounts.ledger.adjusting import take_from_spent
from accounts.ledger.entering import digests, enter, entered
from accounts.ledger.proof import drift_of
from accounts.models import Allowance, Entry, User

Kind = Entry.Kind


@transaction.atomic
def put_right(allowance: Allowance, *, actor: User | None, reason: str) -> bool:
    """Make the columns of an allowance what its entries add up to; False if they were already.

    The entries are sealed in the log, so they decide. An entry says by how many credits that
    changed what is left. Raises InvalidAmount if entries are missing, so that their sums are below
    zero.
    """
    Allowance.objects.select_for_update().get(pk=allowance.pk)
    drift = drift_of(allowance)
    if drift is None:
        return False
    if min(drift.sums.values()) < 0:
        raise InvalidAmount(_("Entries of this month are missing. Restore them from a backup."))
    Allowance.objects.filter(pk=allowance.pk).update(**drift.sums)
    before = drift.allowance.left
    allowance.refresh_from_db()
    more = allowance.left - before
    entries = enter(allowance, Kind.CORRECTION, more, actor=actor, reason=reason)["entries"]
    record_correction(allowance, None, credits=more, entries=entries, actor=actor, reason=reason)
    return True


@transaction.atomic
def give_back(
    generation: UUID, amounts: dict[int, int], *, actor: User | None, reason: str
) -> None:
    """Write off what a generation was charged too much: `amounts`, in credits by allowance key.

    Raises InvalidAmount if less than that was spent in the month.
    """
    _enter_each(Kind.WRITE_OFF, generation, amounts, actor=actor, reason=reason)


@transaction.atomic
def bear(generation: UUID, amounts: dict[int, int], *, actor: User | None, reason: str) -> None:
    """Note what a generation was charged too little: the studio bears it, nobody is charged.

    `amounts` are credits by allowance key. The entries count in no column.
    """
    _enter_each(Kind.CORRECTION, generation, amounts, actor=actor, reason=reason)


def _enter_each(
    kind: Entry.Kind,
    generation: UUID,
    amounts: dict[int, int],
    *,
    actor: User | None,
    reason: str,
) -> None:
    locked = Allowance.objects.filter(pk__in=amounts).order_by("pk").select_for_update(of=("self",))
    for allowance in locked.select_related("user__team", "team"):
        credits = amounts[allowance.pk]
        if kind == Kind.WRITE_OFF:
            take_from_spent(allowance, credits)
        entry = entered(
            allowance=allowance,
            kind=kind,
            amount=credits,
            generation=generation,
            actor=actor,
            reason=reason,
        )
        entries = digests([entry])
        record_correction(
            allowance, generation, credits=credits, entries=entries, actor=actor, reason=reason
        )


def record_correction(
    allowance: Allowance,
    generation: UUID | None,
    *,
    credits: int,
    entries: list[str],
    actor: User | None,
    reason: str,
) -> None:
    """Put a correction on the record of the allowance's owner."""
    facts = {"credits": credits, "month": f"{allowance.month:%Y-%m}", "entries": entries}
    named = {"generation": str(generation)} if generation else {}
    audit.record(
        Event.LEDGER_CORRECTED,
        actor=actor,
        subject=allowance.owner,
        facts=facts | named,
        personal={"reason": reason} if reason else None,
    )
