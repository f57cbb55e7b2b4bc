"""Finds ledger entries that no record names: rows that were written outside the studio.

An entry and the record that names it are written in one transaction, so whoever sees the entry sees
the record, too, and their times are close together. Entries that older versions have written have
no digest, and no record names them.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Min, Q, QuerySet

from accounts.audit.vocabulary import TABLE, Kind
from accounts.models import Entry, Record

BATCH = 2000
# A record is searched for so far around the times of entries, and else everywhere.
NEAR = timedelta(minutes=2)

_NAMING = [
    event
    for event, declared in TABLE.items()
    if any((value.name, value.kind) == ("entries", Kind.HASHES) for value in declared.facts)
]

Batch = Sequence[Entry]


def batches(after: int = 0) -> Iterator[Batch]:
    """Yield the entries with keys above `after` in order. No cursor stays open."""
    rows = Entry.objects.only("pk", "digest", "created_at").order_by("pk")
    while batch := list(rows.filter(pk__gt=after)[:BATCH]):
        yield batch
        after = batch[-1].pk


def unnamed(batch: Batch) -> list[int]:
    """The keys of those entries that no record names, in order.

    Of several entries with one digest, a record names the first.
    """
    firsts = _firsts({row.digest for row in batch if row.digest})
    doubtful = {digest: pk for digest, pk in firsts.items() if pk in {row.pk for row in batch}}
    found = [row.pk for row in batch if not _may_be_named(row, firsts)]
    records = Record.objects.filter(event__in=_NAMING)
    near = batch[0].created_at - NEAR, batch[-1].created_at + NEAR
    for among in (records.filter(at__range=near), records):
        _strike_out(doubtful, among)
    return sorted([*found, *doubtful.values()])


def _firsts(digests: set[str]) -> dict[str, int]:
    """The lowest key of the entries with each digest."""
    rows = Entry.objects.filter(digest__in=digests).order_by()
    return dict(rows.values_list("digest").annotate(Min("pk")))


def _may_be_named(row: Entry, firsts: dict[str, int]) -> bool:
    if row.digest:
        return firsts.get(row.digest) == row.pk
    with_digest = Entry.objects.filter(digest__isnull=False)
    return not with_digest.filter(pk__lt=row.pk).exists()


def _strike_out(doubtful: dict[str, int], records: QuerySet[Record]) -> None:
    """Remove the digests that records name; the newest records are read first."""
    rows, rest = records.order_by("-at", "-pk").values_list("at", "pk", "facts"), Q()
    while doubtful and (batch := list(rows.filter(rest)[:BATCH])):
        for _at, _pk, facts in batch:
            for digest in _named(facts):
                doubtful.pop(digest, None)
        at, pk, _facts = batch[-1]
        rest = Q(at__lte=at) & (Q(at__lt=at) | Q(pk__lt=pk))


def _named(facts: Any) -> list[str]:
    names = facts.get("entries") if isinstance(facts, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
