"""Looks at the next rows of each stage of a proof, in chunks, so that memory does not grow."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts import ledger
from accounts.models import Entry
from generations.budgets import BudgetDrift, reconcile
from generations.models import BudgetMonth, Finding, Generation, Price, Proof
from generations.proof.ends import Books, due_of, fault_of
from generations.proof.finding import Found, Looked

Kind = Entry.Kind
Stage = Proof.Stage
What = Finding.What
CHUNK = 1000  # generations, whose entries are read in one query
RANGE = 20_000  # keys of entries, among which the database looks for those of no generation
MOST_FOUND = 1_000  # in one range

_COLUMNS = ("uuid", "status", "delivered", "came_late", "references", "price")


def allowances(after: int) -> Looked:
    """Compare the next allowances with their entries."""
    compared = ledger.compare(after)
    found = [found_drift(drift) for drift in compared.drifts]
    counts = {"allowances": compared.allowances, "entries": compared.entries}
    return Looked(compared.last, found, counts)


def generations(after: int) -> Looked:
    """Compare the next generations with their entries."""
    rows = list(
        Generation.objects.filter(pk__gt=after).order_by("pk").values_list("pk", *_COLUMNS)[:CHUNK]
    )
    if not rows:
        return Looked(None)
    entries = _entries_of(row[1] for row in rows)
    prices = Price.objects.in_bulk({row[-1] for row in rows})
    suspects = [row[1] for row in rows if fault_of(_books(row[1:], prices, entries[row[1]]))]
    found = [each for uuid in suspects if (each := look_at(uuid))]
    return Looked(rows[-1][0], found, {"generations": len(rows)})


def entries(after: int) -> Looked:
    """Look for entries among the next ones that name a generation which does not exist."""
    last = Entry.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    if after >= last:
        return Looked(None)
    until = min(after + RANGE, last)
    there = Generation.objects.filter(uuid=OuterRef("generation"))
    named = Entry.objects.filter(pk__gt=after, pk__lte=until, generation__isnull=False)
    lost = named.filter(~Exists(there)).order_by().values_list("generation", flat=True)
    found = [each for uuid in lost.distinct()[:MOST_FOUND] if uuid and (each := look_at(uuid))]
    return Looked(until, found)


def budgets(after: int) -> Looked:
    """Compare the next month of a budget with the generations that name it."""
    month = BudgetMonth.objects.filter(pk__gt=after).select_related("budget__team").order_by("pk")
    row = month.first()
    if row is None:
        return Looked(None)
    return Looked(row.pk, [_found_in_budget(drift) for drift in reconcile([row])])


STAGES: dict[str, Callable[[int], Looked]] = {
    Stage.ALLOWANCES: allowances,
    Stage.GENERATIONS: generations,
    Stage.ENTRIES: entries,
    Stage.BUDGETS: budgets,
}


def found_drift(drift: ledger.Drift) -> Found:
    """The finding about an allowance."""
    credits = {"columns": dict(drift.columns), "entries": dict(drift.sums)}
    cause = f"allowance {drift.allowance.pk}"
    return Found(What.DRIFT, cause, drift.allowance, credits=credits)


def look_at(uuid: UUID) -> Found | None:
    """What is wrong with one generation, or with entries that name it; None if nothing is."""
    with transaction.atomic():
        books = books_of(uuid)
        if books is None:
            return _without_generation(uuid)
        what = fault_of(books)
        return _found(what, books) if what else None


def books_of(uuid: UUID) -> Books | None:
    """A generation with its entries, of one moment; None if it does not exist.

    Its row is locked until the transaction ends, and each change of status begins with that row.
    """
    rows = Generation.objects.filter(uuid=uuid).select_for_update(of=("self",))
    row = rows.values_list(*_COLUMNS).first()
    if row is None:
        return None
    return _books(row, Price.objects.in_bulk([row[-1]]), _entries_of([uuid])[uuid])


def _books(
    row: tuple[Any, ...], prices: Mapping[int, Price], amounts: Mapping[int, Mapping[str, int]]
) -> Books:
    uuid, status, delivered, came_late, references, price = row  # in the order of `_COLUMNS`
    each = prices[price].credits_of_image(references)
    return Books(uuid, status, delivered, came_late, each, amounts)


def _entries_of(uuids: Iterable[UUID]) -> dict[UUID, dict[int, dict[str, int]]]:
    """Credits by generation, allowance and kind."""
    found: dict[UUID, dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    rows = Entry.objects.filter(generation__in=list(uuids)).order_by()
    for uuid, allowance, kind, amount in rows.values_list(
        "generation", "allowance_id", "kind", "amount"
    ):
        if uuid:
            found[uuid][allowance][kind] = amount
    return found


def _found(what: What, books: Books) -> Found:
    names = {"reserved": Kind.RESERVE, "spent": Kind.SETTLE, "released": Kind.RELEASE}
    most = {
        name: max((amounts.get(kind, 0) for amounts in books.amounts.values()), default=0)
        for name, kind in names.items()
    }
    due = {"due": due_of(books)} if books.is_settled else {}
    return Found(what, f"generation {books.uuid}", None, books.uuid, most | due)


def _found_in_budget(drift: BudgetDrift) -> Found:
    """The finding about a month of a budget, in millionths of a US dollar."""
    sums = {"columns": dict(drift.columns), "entries": dict(drift.sums)}
    return Found(What.BUDGET, f"budget {drift.month.pk}", credits=sums)


def _without_generation(uuid: UUID) -> Found | None:
    """The finding about entries of no generation, unless nothing was charged or is held for it."""
    for amounts in _entries_of([uuid])[uuid].values():
        spent = amounts.get(Kind.SETTLE, 0) - amounts.get(Kind.WRITE_OFF, 0)
        held = amounts.get(Kind.RESERVE, 0) - amounts.get(Kind.SETTLE, 0)
        held -= amounts.get(Kind.RELEASE, 0)
        if spent or held:
            credits = {"reserved": held, "spent": spent}
            return Found(What.NO_GENERATION, f"generation {uuid}", None, uuid, credits)
    return None
