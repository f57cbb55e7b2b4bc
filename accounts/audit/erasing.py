"""Empties payloads of records, and what the log's search knows of them.

The leaf and the digest stay, so the log can still be verified.

A payload that is empty without a record `personal:erased` which names it counts as damage
(`accounts.evidence`). So both are written in one transaction.
"""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.audit import index
from accounts.audit.recording import Subject, record
from accounts.audit.vocabulary.kinds import MOST_ITEMS
from accounts.events import Event
from accounts.models import EmptiedPayload, Record, RecordPayload, User

# Payloads that one record names.
MOST_AT_ONCE = MOST_ITEMS // 2
# Why and by whom something was erased, or must not be, stays on record.
KEPT = (
    Event.PERSONAL_ERASED,
    Event.ERASURE_ASKED,
    Event.HOLD_PLACED,
    Event.HOLD_LIFTED,
)


def full(records: Q, *, after: int = 0) -> QuerySet[RecordPayload]:
    """The payloads with text of the `records`, in order of their records, from a key on.

    `records` is a condition on `Record`, with the prefix `record__`.
    """
    rows = RecordPayload.objects.filter(records, data__isnull=False, record_id__gt=after)
    return rows.exclude(record__event__in=KEPT).order_by("record_id")


@transaction.atomic
def empty(
    payloads: Sequence[RecordPayload],
    *,
    actor: User | None,
    subject: Subject,
    story: UUID | None,
    facts: dict[str, Any],
    reason: str,
) -> int:
    """Empty at most `MOST_AT_ONCE` payloads, and write the record that names them.

    `subject` is what is erased, `story` the run of which it is a part; `facts` and `reason` are
    those of the event `personal:erased`. Returns how many were emptied; another process may have
    been first.
    """
    if len(payloads) > MOST_AT_ONCE:
        raise ValueError("too many payloads for one record")
    keys = [payload.pk for payload in payloads]
    rows = RecordPayload.objects.filter(pk__in=keys, data__isnull=False)
    rows = rows.select_for_update(of=("self",)).order_by("pk")
    found = list(rows.values_list("pk", flat=True))
    if found:
        RecordPayload.objects.filter(pk__in=found).update(salt=None, data=None)
        records = Record.objects.filter(payload__in=found).order_by("pk")
        index.forget(records)
        named = {"records": [str(record.uuid) for record in records]}
        erasure = record(
            Event.PERSONAL_ERASED,
            actor=actor,
            subject=subject,
            story=story,
            facts=facts | named,
            personal={"reason": reason} if reason else None,
        )
        EmptiedPayload.objects.bulk_create(
            EmptiedPayload(record=row, erasure=erasure) for row in records
        )
    return len(found)


def erased(identifiers: Collection[str]) -> set[str]:
    """Those of the records, by identifier, whose payloads a record says were emptied.

    It reads no other erasures, however many there are.
    """
    rows = EmptiedPayload.objects.filter(record__uuid__in=identifiers)
    erasures = Record.objects.filter(
        pk__in=set(rows.values_list("erasure", flat=True)), event=Event.PERSONAL_ERASED
    )
    named = (facts["records"] for facts in erasures.values_list("facts", flat=True))
    return set(identifiers) & set(chain.from_iterable(named))
