"""Damage to the log: the studio does not start until an operator has accepted it, on the record."""

from django.db import connection, transaction

from accounts import append_only, audit, origin, sealing
from accounts.events import Event
from accounts.evidence import live, progress
from accounts.models import Checkpoint, EmptiedPayload, Studio, Verification

# A start must not wait for long. The recurring task goes on where this has ended.
SECONDS = 2.0

REFUSAL = (
    "The log is damaged or unprotected. {sentences} Find out who changed the database. Then "
    "`manage.py audit_accept_damage --reason TEXT` repairs the protection, puts the damage on the "
    "record, and lets the studio start."
)


def found() -> list[str]:
    """Return a sentence for each damage to the log; none if there is none.

    Looks at the triggers, the newest checkpoint and, for at most 2 seconds, at the records that
    were not verified yet. `manage.py verify_audit` looks at everything.
    """
    return [*append_only.damage(connection), *(_break() or _changed())]


def found_anywhere() -> list[str]:
    """Return a sentence for each damage that a verification of the whole log finds."""
    return _told(live.verified()) if _can_verify() else []


def _told(log: live.Log) -> list[str]:
    spans = log.complete["missing"]
    missing = [f"The records {first} to {last} are missing." for first, last in spans]
    return [*log.integrity["told"], *missing]


def _break() -> list[str]:
    if Checkpoint._meta.db_table not in connection.introspection.table_names():
        return []  # before the first migration, or at the upgrade that brings the seal
    sentences: list[str] = []
    with live.reading(sentences.append, "checkpoints or leaves"):
        sealing.refuse_break()
        sealing.refuse_other_log()
    return sentences


def _changed() -> list[str]:
    """What is wrong with records that nobody has verified yet."""
    return progress.look(seconds=SECONDS) if _can_verify() else []


def _can_verify() -> bool:
    """Whether the migrations have run that the verification needs; if not, it comes later."""
    tables = connection.introspection.table_names()
    return all(model._meta.db_table in tables for model in (Verification, EmptiedPayload))


def refusal() -> str:
    """Say that the log is damaged, how, and what to do; an empty string if it is not."""
    sentences = found()
    return REFUSAL.format(sentences=" ".join(sentences)) if sentences else ""


def accept(sentences: list[str], *, reason: str) -> list[str]:
    """Put the protection back, record who accepted which damage, and seal the log as it is.

    Returns a sentence for each damage that remains, because no record can accept it.

    The record names the ranges that the verification found, and the rows that no record knows, so
    that it can pass over them later. Raises `sealing.Stopped` if the log cannot be sealed; the rest
    is done then.
    """
    stopped = _seal_as_it_is()
    log = live.verified()
    _record(list(dict.fromkeys([*sentences, *_told(log)])), log, reason)
    if stopped:
        raise stopped
    sealing.seal(most_batches=None)
    sealing.copy(after_damage=True)
    return found_anywhere()


def _seal_as_it_is() -> sealing.Stopped | None:
    """Sign the tree as it is now. Returns why that was not possible."""
    try:
        sealing.mend()
        sealing.seal(most_batches=None, after_damage=bool(_break()))
    except sealing.Stopped as stopped:
        return stopped
    return None


@transaction.atomic
def _record(sentences: list[str], log: live.Log, reason: str) -> None:
    append_only.install(connection)
    studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
    audit.record(
        Event.LOG_DAMAGE_ACCEPTED,
        actor=None,
        subject=studio,
        facts={
            "damage": sentences,
            "ranges": [list(each) for each in log.ranges],
            "rows": log.rows,
        },
        personal={"reason": reason, **origin.who()},
    )
    progress.restart()
