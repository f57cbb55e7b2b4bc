"""Damage to the log: the studio does not start until an operator has accepted it, on the record."""

from django.db import connection, transaction

from accounts import append_only, audit, shell
from accounts.events import Event
from accounts.models import Studio

REFUSAL = (
    "The log is damaged or unprotected. {sentences} Find out who changed the database. Then "
    "`manage.py audit_accept_damage --reason TEXT` repairs the protection, puts the damage on the "
    "record, and lets the studio start."
)


def found() -> list[str]:
    """Return a sentence for each damage to the log; none if there is none."""
    return append_only.damage(connection)


def refusal() -> str:
    """Say that the log is damaged, how, and what to do; an empty string if it is not."""
    sentences = found()
    return REFUSAL.format(sentences=" ".join(sentences)) if sentences else ""


@transaction.atomic
def accept(sentences: list[str], *, reason: str) -> None:
    """Put the protection back, and record who accepted which damage."""
    append_only.install(connection)
    studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
    audit.record(
        Event.LOG_DAMAGE_ACCEPTED,
        actor=None,
        subject=studio,
        facts={"damage": sentences},
        personal={"reason": reason, **shell.who()},
    )
