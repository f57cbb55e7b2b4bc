"""How much work waits at each step of a request, and since when.

Every query reads the oldest rows by an index and counts only to a limit, so the cost does not grow
with the backlog.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from generations.models import Delivery, Export, Generation
from generations.providers import registry
from generations.states import Status

COUNTED_MOST = 1000


@dataclass(frozen=True)
class Waiting:
    """The work at a step. `count` is at most 1001; `since` is when the oldest row began to wait."""

    step: str
    count: int
    since: datetime | None


def waiting() -> list[Waiting]:
    """The work at every step, in the order of the steps."""
    steps = [_waiting("queued", _generations(Status.QUEUED), _oldest_in_line())]
    for step, status in (("submitting", Status.SUBMITTING), ("running", Status.RUNNING)):
        rows = _generations(status)
        steps.append(_waiting(step, rows, _first(rows, "submitted_at")))
    for step, fetched in (("fetch", Delivery.Status.PENDING), ("label", Delivery.Status.FETCHED)):
        deliveries = _deliveries(fetched)
        steps.append(_waiting(step, deliveries, _first(deliveries, "next_action_at")))
    exports = Export.objects.filter(state=Export.State.WAITING).order_by()
    steps.append(_waiting("export", exports, _first(exports, "next_action_at")))
    return [*steps, _waiting("unknown", unknown(), _first(unknown(), "unknown_at"))]


def unknown() -> QuerySet[Generation]:
    """Requests with an unknown outcome."""
    return _generations(Status.UNKNOWN)


def unknown_since(before: datetime, provider: str) -> bool:
    """Whether a request at `provider` has had an unknown outcome since before this moment."""
    return unknown().filter(provider=provider, unknown_at__lt=before).exists()


def late(before: datetime) -> dict[str, bool]:
    """For each step, whether a row that was due before this moment has not been claimed."""
    polls = _generations(Status.RUNNING)
    deliveries = {"fetch": Delivery.Status.PENDING, "label": Delivery.Status.FETCHED}
    idle = {step: _deliveries(status).filter(claimed_by="") for step, status in deliveries.items()}
    rows: dict[str, QuerySet[Any]] = {"poll": polls, **idle}
    return {step: each.filter(next_action_at__lt=before).exists() for step, each in rows.items()}


def exports_late(before: datetime) -> bool:
    """Whether an export that was due before this moment has not been begun."""
    waiting = Export.objects.filter(state=Export.State.WAITING)
    return waiting.filter(next_action_at__lt=before).exists()


def _generations(status: Status) -> QuerySet[Generation]:
    return Generation.objects.filter(status=status).order_by()


def _deliveries(status: Delivery.Status) -> QuerySet[Delivery]:
    return Delivery.objects.filter(status=status).order_by()


def _waiting(step: str, rows: QuerySet[Any], since: datetime | None) -> Waiting:
    return Waiting(step, rows[: COUNTED_MOST + 1].count(), since)


def _first(rows: QuerySet[Any], column: str) -> datetime | None:
    known = rows.filter(**{f"{column}__isnull": False})
    return known.order_by(column).values_list(column, flat=True).first()


def _oldest_in_line() -> datetime | None:
    """When the oldest queued request was made. Asked by provider, as the index is."""
    lines = (
        _first(_generations(Status.QUEUED).filter(provider=name), "created_at")
        for name in registry.provider_names()
    )
    return min(filter(None, lines), default=None)
