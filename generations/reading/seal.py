"""What the page about the seal of the log shows: how far it is verified, by which keys, and where.

Everything is read from a few rows, however long the log is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts import sealing
from accounts.events import Event
from accounts.evidence import progress
from accounts.models import Checkpoint, LogKey, Record, TimeStamp

# The newest ranges of accepted damage that the page lists.
MOST_ACCEPTED = 20


@dataclass(frozen=True)
class Copy:
    """A place outside the database that keeps checkpoints; `reason` says why it lacks some."""

    title: str
    text: str
    ok: bool
    reason: str


@dataclass(frozen=True)
class Accepted:
    """Damage that somebody has accepted on the record `number`: sentences about it."""

    number: int
    at: datetime
    damage: list[str]


@dataclass(frozen=True)
class Seal:
    """The seal of the log. `before` is how many records there were when sealing began."""

    standing: progress.Standing
    newest: Checkpoint | None
    keys: list[LogKey]
    copies: list[Copy]
    accepted: list[Accepted]
    began_at: datetime | None
    before: int
    stamped_at: datetime | None


def seal() -> Seal:
    began = Record.objects.filter(event=Event.LOG_SEALING_BEGAN).order_by("at", "pk").first()
    stamp = TimeStamp.objects.order_by("pk").last()
    return Seal(
        standing=progress.standing(),
        newest=Checkpoint.objects.order_by("pk").last(),
        keys=list(LogKey.objects.order_by("-pk")),
        copies=list(_copies()),
        accepted=list(_accepted()),
        began_at=began.at if began else None,
        before=began.facts.get("records_before", 0) if began else 0,
        stamped_at=stamp.at if stamp else None,
    )


def public_keys() -> str:
    """The public keys as `verify.py --key` reads them, one a line, the oldest first."""
    keys = LogKey.objects.order_by("pk").values_list("vkey", flat=True)
    return "".join(f"{key}\n" for key in keys)


def _copies() -> Iterator[Copy]:
    titles: dict[str, tuple[Any, Any]] = {
        "file": (_("File"), _("Gets every checkpoint. Best on another disk or machine.")),
        "bucket": (
            _("Bucket with object lock"),
            _("Gets the newest checkpoint each minute. Nobody can delete it for years."),
        ),
        "timestamp": (
            _("Time-stamping authority"),
            _("Confirms the newest checkpoint each hour, with its own clock and signature."),
        ),
    }
    for name, standing in sealing.copying().items():
        yield Copy(*titles[name], ok=not standing.late, reason=standing.reason)


def _accepted() -> Iterator[Accepted]:
    rows = Record.objects.filter(event=Event.LOG_DAMAGE_ACCEPTED).order_by("-at", "-pk")
    for row in rows[:MOST_ACCEPTED]:
        yield Accepted(row.pk, row.at, row.facts.get("damage", []))
