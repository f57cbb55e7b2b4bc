"""The Celery tasks of this app."""

import logging
from contextlib import suppress

from celery import shared_task
from django.db import transaction

from accounts import audit, ledger, notices, pulses, sealing
from accounts.audit import tallies
from accounts.events import Event
from accounts.evidence import progress
from accounts.ledger import Drift

log = logging.getLogger(__name__)


@shared_task(name="accounts.reconcile_credits")
def reconcile_credits() -> None:
    for drift in ledger.reconcile():
        _raise_alarm(drift)


@shared_task(name="accounts.close_tallies")
def close_tallies() -> None:
    tallies.close_all()


@shared_task(name="accounts.seal")
def seal() -> None:
    """Seal new records and copy the checkpoints. The next message tries again what failed."""
    with suppress(sealing.Stopped):  # it is logged, and `generations.readiness` tells admins
        sealing.seal()
    sealing.copy()


@shared_task(name="accounts.verify")
def verify() -> None:
    """Verify new records, and then older ones again. The next message goes on."""
    progress.advance()


@transaction.atomic
def _raise_alarm(drift: Drift) -> None:
    allowance = drift.allowance
    owner = allowance.user or allowance.team
    assert owner is not None  # noqa: S101  # a constraint of the table
    facts = {
        "month": f"{allowance.month:%Y-%m}",
        "columns": dict(drift.columns),
        "entries": dict(drift.sums),
    }
    log.error("Credits of %s differ from their entries: %s", owner.uuid, facts)
    audit.record(Event.LEDGER_DRIFTED, actor=None, subject=owner, facts=facts)


@shared_task(name="accounts.note_beat")
def note_beat() -> None:
    pulses.note(pulses.BEAT)


@shared_task(name="accounts.prune_notices")
def prune_notices() -> None:
    notices.prune()
    notices.prune_personal()


@shared_task(name="accounts.mail_notices")
def mail_notices() -> None:
    notices.mail_due()
