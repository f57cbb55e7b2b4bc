"""Every status of a generation and every legal move, in one table.

queued ──► submitting ──► running ──► storing ──► succeeded
  │            │              │          └──────► failed
  │            │              └─► failed | cancelled | unknown
  │            └─► queued | storing | unknown | failed | cancelled
  └─► cancelled | failed | unknown
unknown ──► running | storing | failed
"""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Status(TextChoices):
    QUEUED = "queued", _("Queued")
    SUBMITTING = "submitting", _("Sending")
    RUNNING = "running", _("Running")
    STORING = "storing", _("Saving")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    UNKNOWN = "unknown", _("Outcome unknown")


class RunStatus(TextChoices):
    PENDING = "pending", _("Pending")
    UNKNOWN = "unknown", _("Outcome unknown")
    SUCCEEDED = "succeeded", _("Succeeded")
    PARTIAL = "partial", _("Partly succeeded")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Failed")


S = Status

MOVES: dict[Status, frozenset[Status]] = {
    # failed: attempts or time are used up before the provider took it. unknown: an attempt may have
    # been taken, and the key that could tell is gone.
    S.QUEUED: frozenset({S.SUBMITTING, S.CANCELLED, S.FAILED, S.UNKNOWN}),
    S.SUBMITTING: frozenset({S.QUEUED, S.RUNNING, S.STORING, S.UNKNOWN, S.FAILED, S.CANCELLED}),
    S.RUNNING: frozenset({S.STORING, S.FAILED, S.CANCELLED, S.UNKNOWN}),
    S.STORING: frozenset({S.SUCCEEDED, S.FAILED}),
    S.UNKNOWN: frozenset({S.RUNNING, S.STORING, S.FAILED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
}

OPEN = frozenset({S.QUEUED, S.SUBMITTING, S.RUNNING, S.STORING})
ENDED = frozenset({S.SUCCEEDED, S.FAILED, S.CANCELLED})
IN_FLIGHT = frozenset({S.SUBMITTING, S.RUNNING})


def sources(target: Status) -> frozenset[Status]:
    """The statuses from which `target` may be reached."""
    return frozenset(status for status, targets in MOVES.items() if target in targets)
