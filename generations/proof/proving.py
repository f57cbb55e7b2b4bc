"""Proves the credits step by step while the studio works, and continues where a step ended."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import notices
from generations.models import Proof
from generations.notice_kinds import CREDITS_UNPROVED
from generations.proof.finding import close_gone, keep
from generations.proof.looking import STAGES

# For one call of `advance`; the next one goes on.
SECONDS = 600.0
# A new proof begins when the last one began so long ago, and has ended.
AGAIN = timedelta(hours=20)
# What is not over by then was given up: a new one begins.
LONGEST = timedelta(days=3)
KEPT = 30  # proofs
# The cause of the notice: one for all findings, which the page lists.
EVERYTHING = "proof"


def prove() -> Proof:
    """Prove everything now, from the beginning to the end. Takes minutes for a million runs."""
    proof = Proof.objects.create(began_at=timezone.now())
    while _step(proof):
        pass
    return proof


def advance(*, seconds: float = SECONDS) -> None:
    """Go on with the proof of tonight for about `seconds`, and begin it if it is due."""
    ends = time.monotonic() + seconds
    proof = _due()
    while proof and _step(proof) and time.monotonic() < ends:
        pass


def last() -> Proof | None:
    """The newest proof that has ended."""
    return Proof.objects.filter(ended_at__isnull=False).first()


def is_late() -> bool:
    """Whether no proof has ended for three days, although one was begun before that."""
    before = timezone.now() - LONGEST
    begun = Proof.objects.filter(began_at__lt=before).exists()
    return begun and not Proof.objects.filter(ended_at__gte=before).exists()


def _due() -> Proof | None:
    newest, now = Proof.objects.first(), timezone.now()
    if newest and not newest.ended_at and newest.began_at > now - LONGEST:
        return newest
    if newest and newest.ended_at and newest.began_at > now - AGAIN:
        return None
    return Proof.objects.create(began_at=now)


def _step(proof: Proof) -> bool:
    """Look at the next rows. Returns whether there is more to do, and nobody else does it."""
    looked = STAGES[proof.stage](proof.after)
    keep(proof, looked.found)
    here = Proof.objects.filter(
        pk=proof.pk, stage=proof.stage, after=proof.after, ended_at__isnull=True
    )
    counts = {name: F(name) + more for name, more in looked.counts.items()}
    if looked.last is not None:
        moved = here.update(after=looked.last, **counts)
    else:
        moved = _end_stage(proof, here, counts)
    proof.refresh_from_db()
    return bool(moved) and proof.ended_at is None


def _end_stage(proof: Proof, here: QuerySet[Proof], counts: Mapping[str, Any]) -> int:
    """Begin the next stage, or end the proof after the last. Returns 0 if another process did."""
    stages = [*STAGES]
    further = stages[stages.index(Proof.Stage(proof.stage)) + 1 :]
    if further:
        return here.update(stage=further[0], after=0, **counts)
    findings = close_gone(proof)
    values = {"ended_at": timezone.now(), "findings": findings}
    moved = here.update(**values, **counts)
    _tell(findings)
    _forget_old()
    return moved


def _tell(findings: int) -> None:
    """Tell admins while anything that was found is still there."""
    if findings:
        notices.raise_notice(CREDITS_UNPROVED, cause=EVERYTHING)
    else:
        notices.end(CREDITS_UNPROVED, cause=EVERYTHING)


def _forget_old() -> None:
    """Delete all but the newest proofs. What they found stays."""
    oldest = Proof.objects.values_list("pk", flat=True)[KEPT : KEPT + 1].first()
    if oldest:
        Proof.objects.filter(pk__lte=oldest).delete()
