"""One erasure at work: what its records say, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.files.storage import Storage
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit
from accounts.audit import erasing
from accounts.events import Event
from accounts.models import RecordPayload
from generations import storage
from generations.models import Erasure

# How long a worker that says nothing keeps an erasure: longer than a batch, or a VACUUM, takes.
LEASE = timedelta(minutes=15)


@dataclass(frozen=True)
class Order:
    """An erasure, and the person, run, image or rule that its records are about."""

    erasure: Erasure
    subject: Any
    story: UUID | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that all records of an erasure have."""
        return {"erasure": str(self.erasure.uuid), "scope": str(self.erasure.scope)}

    def empty(self, records: Q) -> None:
        """Empty all payloads of `records`, which are few."""
        after: int | None = 0
        while after is not None:
            after = self.empty_next(records, after=after)

    def empty_next(self, records: Q, *, after: int) -> int | None:
        """Empty the next payloads of `records` after the key `after` of a record.

        Returns the key of the last one, and None if there were none.
        """
        payloads = list(erasing.full(records, after=after)[: erasing.MOST_AT_ONCE])
        if not payloads:
            return None
        self.empty_these(payloads)
        return payloads[-1].record_id

    @transaction.atomic
    def empty_these(self, payloads: Sequence[RecordPayload]) -> None:
        """Empty these payloads, at most `erasing.MOST_AT_ONCE`."""
        emptied = erasing.empty(
            payloads,
            actor=self.erasure.asked_by,
            subject=self.subject,
            story=self.story,
            facts=self.facts,
            reason=self.erasure.reason,
        )
        self.moved(records=emptied)

    def erase_file(self, backend: Storage, name: str, *, again: bool = False) -> None:
        """Erase a file, and count it if a bucket keeps versions of it. Raises StorageAway.

        `again` says that it was erased before, and counted.
        """
        is_gone = storage.erase(backend, name)
        if not is_gone and not again:
            self.moved(files_kept=1)

    def record(self, event: Event, row: Any, *, story: UUID | None, **facts: Any) -> None:
        """Record what became of one run, image or reference."""
        about = {"erasure": str(self.erasure.uuid), **facts}
        audit.record(event, actor=self.erasure.asked_by, subject=row, story=story, facts=about)

    def moved(self, **counted: int) -> None:
        """Count what was done, and keep the erasure for another while."""
        now = timezone.now()
        more: dict[str, Any] = {name: F(name) + number for name, number in counted.items()}
        Erasure.objects.filter(pk=self.erasure.pk).update(
            moved_at=now, next_try_at=now + LEASE, **more
        )
