"""Every status of a generation and every legal move, in one table.

queued ──► submitting ──► running ──► storing ──► succeeded
  │            │              │          └──────► failed
  │            │              └─► failed | cancelled | unknown
  │            └─► queued | storing | unknown | failed | cancelled
  └─► cancelled | failed | unknown
unknown ──► running | storing | failed
failed ┄┄► running | storing          late, and only while `may_arrive_until` lasts

A failure settles the credits, once. If the provider may still have made the images, the row
accepts them for another day; they are delivered and not charged.
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
    # failed: attempts or time ran out before the provider accepted it. unknown: the provider may
    # have accepted an attempt, but the key that could ask it is gone.
    S.QUEUED: frozenset({S.SUBMITTING, S.CANCELLED, S.FAILED, S.UNKNOWN}),
    S.SUBMITTING: frozenset({S.QUEUED, S.RUNNING, S.STORING, S.UNKNOWN, S.FAILED, S.CANCELLED}),
    S.RUNNING: frozenset({S.STORING, S.FAILED, S.CANCELLED, S.UNKNOWN}),
    S.STORING: frozenset({S.SUCCEEDED, S.FAILED}),
    S.UNKNOWN: frozenset({S.RUNNING, S.STORING, S.FAILED}),
    S.SUCCEEDED: frozenset(),
    # For images that still arrive; `lifecycle` allows both only until `may_arrive_until`.
    S.FAILED: frozenset({S.RUNNING, S.STORING}),
    S.CANCELLED: frozenset(),
}

OPEN = frozenset({S.QUEUED, S.SUBMITTING, S.RUNNING, S.STORING})
ENDED = frozenset({S.SUCCEEDED, S.FAILED, S.CANCELLED})
# Ended without all images: admins look for these.
ENDED_BADLY = frozenset({S.FAILED, S.CANCELLED, S.UNKNOWN})
IN_FLIGHT = frozenset({S.SUBMITTING, S.RUNNING})


def sources(target: Status) -> frozenset[Status]:
    """The statuses from which a generation may move to `target`."""
    return frozenset(status for status, targets in MOVES.items() if target in targets)
