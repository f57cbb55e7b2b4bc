"""Empties payloads of records, and what the log's search knows of them.

The leaf and the digest stay, so the log can still be verified.

A payload that is empty without a record `personal:erased` which names it counts as damage
(`accounts.evidence`). So both are written in one transaction.
"""

from collections.abc import Collection, Iterator, Sequence
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
from accounts.search import Query, read_query, tokens_of

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


def searches_for(text: str) -> Iterator[list[RecordPayload]]:
    """Yield the payloads of what people searched for, if it holds every word of `text`."""
    wanted = set(tokens_of(text))
    labels = [index.looking_for(token) for token in wanted]
    for rows in _found(Query(), labels) if wanted else ():
        yield [row for row in rows if row.data and wanted <= set(index.looked_for(row.data))]


def sign_ins_as(address: str) -> Iterator[list[RecordPayload]]:
    """Yield the payloads of failed sign-ins with this e-mail address.

    Nobody had signed in, so no person is on record.
    """
    for rows in _found(read_query(address), [index.with_event(Event.USER_SIGN_IN_FAILED)]):
        yield [row for row in rows if row.data and _is_same(row.data.get("email", ""), address)]


def _found(query: Query, labels: Sequence[str]) -> Iterator[list[RecordPayload]]:
    """The payloads of all records that the index finds, newest first, some at once."""
    before: int | None = None
    while True:
        found = index.RECORDS.newest(
            query, team=index.WHOLE_LOG, labels=labels, before=before, limit=MOST_AT_ONCE
        )
        rows = RecordPayload.objects.filter(record__in=found.rows, data__isnull=False)
        yield list(rows.select_related("record").order_by("record_id"))
        before = found.rest
        if before is None:
            return


def _is_same(address: str, other: str) -> bool:
    return address.casefold() == other.casefold()


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
