"""The proof that every allowance equals the sum of its entries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Max, Q, QuerySet, Sum

from accounts.models import Allowance, Entry

Kind = Entry.Kind
CHUNK = 200  # allowances, whose entries the database adds up in one query


@dataclass(frozen=True)
class Drift:
    """An allowance whose columns differ from the sums of its entries, in credits."""

    allowance: Allowance
    columns: Mapping[str, int]
    sums: Mapping[str, int]


@dataclass(frozen=True)
class Compared:
    """A chunk of allowances that was compared with its entries.

    `last` is the key of its last allowance; None if there was none left.
    """

    drifts: Sequence[Drift]
    allowances: int
    entries: int
    last: int | None


def reconcile() -> list[Drift]:
    """Compare every allowance with the sums of its entries. An empty list proves that all agree."""
    return [drift for compared in _all() for drift in compared.drifts]


def compare(after: int = 0) -> Compared:
    """Compare the next allowances after the key `after`. Memory does not grow with the ledger.

    One query reads columns and sums, so what happens meanwhile makes no difference between them.
    """
    keys = Allowance.objects.filter(pk__gt=after).order_by("pk").values_list("pk")[:CHUNK]
    last = Allowance.objects.filter(pk__in=keys).order_by().aggregate(last=Max("pk"))["last"]
    if last is None:
        return Compared([], 0, 0, None)
    found = list(_summed(Allowance.objects.filter(pk__gt=after, pk__lte=last)))
    drifts = [drift for allowance in found if (drift := _drift(allowance))]
    entries = sum(allowance.counted for allowance in found)
    return Compared(drifts, len(found), entries, last)


def drift_of(allowance: Allowance) -> Drift | None:
    """How the columns of one allowance differ from its entries now; None if they agree."""
    return _drift(_summed(Allowance.objects.filter(pk=allowance.pk)).get())


def _all() -> Iterator[Compared]:
    compared = compare()
    yield compared
    while compared.last is not None and compared.allowances == CHUNK:
        compared = compare(compared.last)
        yield compared


def _summed(rows: QuerySet[Allowance]) -> QuerySet:
    sums = {
        f"sum_{kind}": Sum("entries__amount", filter=Q(entries__kind=kind), default=0)
        for kind in Kind
    }
    return rows.order_by().annotate(counted=Count("entries"), **sums)


def _drift(allowance: Allowance) -> Drift | None:
    total = {kind: getattr(allowance, f"sum_{kind}") for kind in Kind}
    sums = {
        "limit": total[Kind.LIMIT],
        "top_up": total[Kind.TOP_UP],
        "reserved": total[Kind.RESERVE] - total[Kind.SETTLE] - total[Kind.RELEASE],
        "spent": total[Kind.SETTLE] - total[Kind.WRITE_OFF],
    }
    columns = {name: getattr(allowance, name) for name in sums}
    return None if columns == sums else Drift(allowance, columns, sums)
