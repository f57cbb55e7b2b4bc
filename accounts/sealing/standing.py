"""Whether sealing keeps up, for `/readyz`, the page *Status* and the notices."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Checkpoint, SealState, Unsealed, Witness
from accounts.sealing import witnesses
from accounts.sealing.troubles import sentence

# Sealing comes every few seconds, so this is no passing delay.
LATE = timedelta(minutes=5)
COPY_LATE = timedelta(minutes=15)  # beyond the time between two copies


@dataclass(frozen=True)
class Standing:
    """Whether work has waited for too long, since when it waits, and what to do about it."""

    late: bool
    since: datetime | None = None
    reason: str = ""


def sealing() -> Standing:
    """How long the oldest unsealed record has waited."""
    row = Unsealed.objects.order_by("pk").first()
    if row is None:
        return Standing(late=False)
    late = row.since < timezone.now() - LATE
    trouble = SealState.objects.values_list("trouble", flat=True).first() if late else ""
    return Standing(late, row.since, sentence(trouble) if trouble else "")


def copying() -> dict[str, Standing]:
    """How long each witness has lacked a checkpoint, by its name."""
    rows = {row.name: row for row in Witness.objects.all()}
    return {name: _copying(rows.get(name) or Witness(name=name)) for name in witnesses.names()}


def _copying(row: Witness) -> Standing:
    lacking = Checkpoint.objects.filter(pk__gt=row.checkpoint).order_by("pk").first()
    if lacking is None:
        return Standing(late=False)
    late = lacking.at < timezone.now() - COPY_LATE - witnesses.EVERY[row.name]
    return Standing(late, lacking.at, sentence(row.trouble) if row.trouble else "")
