"""The Celery tasks of this app."""

from contextlib import suppress

from celery import shared_task

from accounts import credit_requests, ledger, notices, outlets, pulses, sealing
from accounts.audit import tallies
from accounts.evidence import progress


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


@shared_task(name="accounts.note_beat")
def note_beat() -> None:
    pulses.note(pulses.BEAT)


@shared_task(name="accounts.prune_notices")
def prune_notices() -> None:
    notices.prune()
    notices.prune_personal()
    outlets.prune()


@shared_task(name="accounts.mail_notices")
def mail_notices() -> None:
    notices.mail_due()


@shared_task(name="accounts.tidy_credit_requests")
def tidy_credit_requests() -> None:
    credit_requests.tidy()


@shared_task(name="accounts.end_top_ups")
def end_top_ups() -> None:
    """Take back what is unused of the top-ups whose last day is over."""
    ledger.end_top_ups()


@shared_task(name="accounts.start_planned_quotas")
def start_planned_quotas() -> None:
    """Bring the planned quotas into effect whose month has begun."""
    ledger.start_planned_quotas()
