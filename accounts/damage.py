"""Damage to the log: the studio does not start until an operator has accepted it, on the record."""

from django.db import connection, transaction

from accounts import append_only, audit, origin, sealing
from accounts.events import Event
from accounts.models import Checkpoint, Studio

REFUSAL = (
    "The log is damaged or unprotected. {sentences} Find out who changed the database. Then "
    "`manage.py audit_accept_damage --reason TEXT` repairs the protection, puts the damage on the "
    "record, and lets the studio start."
)


def found() -> list[str]:
    """Return a sentence for each damage to the log; none if there is none.

    Looks at the triggers and the newest checkpoint, so it takes the same time for any log.
    `manage.py verify_audit` looks at everything.
    """
    return [*append_only.damage(connection), *_break()]


def _break() -> list[str]:
    if Checkpoint._meta.db_table not in connection.introspection.table_names():
        return []  # before the first migration, or at the upgrade that brings the seal
    try:
        sealing.refuse_break()
    except sealing.Stopped as stopped:
        return [stopped.reason]
    return []


def refusal() -> str:
    """Say that the log is damaged, how, and what to do; an empty string if it is not."""
    sentences = found()
    return REFUSAL.format(sentences=" ".join(sentences)) if sentences else ""


def accept(sentences: list[str], *, reason: str) -> None:
    """Put the protection back, record who accepted which damage, and seal the log as it is.

    Raises `sealing.Stopped` if it cannot be sealed; the rest is done then.
    """
    is_broken = bool(_break())
    _record(sentences, reason)
    if is_broken:
        sealing.seal(most_batches=None, after_damage=True)
        sealing.copy(after_damage=True)


@transaction.atomic
def _record(sentences: list[str], reason: str) -> None:
    append_only.install(connection)
    studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
    audit.record(
        Event.LOG_DAMAGE_ACCEPTED,
        actor=None,
        subject=studio,
        facts={"damage": sentences},
        personal={"reason": reason, **origin.who()},
    )
