"""Makes the stored tree whole again, once an operator has accepted that the log is damaged.

What is gone cannot come back. A record that says so takes its place, so that the tree has no gap
and later records can be sealed and verified.
"""

from collections.abc import Iterator

from django.db import connection, transaction

from accounts import append_only, audit
from accounts.events import Event
from accounts.models import Leaf, Studio, Subtree
from accounts.sealing import stored
from accounts.sealing.old_records import add_unsealed
from accounts.sealing.tree import Completed, Node
from accounts.sealing.troubles import Stopped

BATCH = 10_000
# To fill so many places takes about an hour.
MOST_LOST = 1_000_000


def mend() -> None:
    """Fill places without a leaf, let records without a place be sealed, correct the subtrees.

    Only the role that owns the tables can correct subtrees, because triggers guard them. Raises
    Stopped if so many places are empty that nobody can have lost all these records.
    """
    add_unsealed(connection)
    if stored.leaf_count() - Leaf.objects.count() > MOST_LOST:
        raise Stopped("places_far")
    for place in list(_lost_places()):
        _fill(place)
    _correct_subtrees()


def _lost_places() -> Iterator[int]:
    expected = 0
    while True:
        rows = Leaf.objects.filter(place__gte=expected).order_by("place")
        batch = list(rows.values_list("place", flat=True)[:BATCH])
        for place in batch:
            yield from range(expected, place)
            expected = place + 1
        if not batch:
            return


@transaction.atomic
def _fill(place: int) -> None:
    studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
    record = audit.record(Event.LOG_PLACE_LOST, actor=None, subject=studio, facts={"place": place})
    Leaf.objects.create(place=place, record=record, leaf=record.leaf)


def _correct_subtrees() -> None:
    """Write the subtrees anew if one is missing or is not that of the leaves."""
    right = {(node.level, node.index): node.hash for node in _subtrees()}
    rows = Subtree.objects.values_list("level", "index", "hash")
    if {(level, index): bytes(found) for level, index, found in rows} == right:
        return
    with transaction.atomic(), append_only.lifted(connection):
        Subtree.objects.all()._raw_delete(connection.alias)
        Subtree.objects.bulk_create(
            Subtree(level=level, index=index, hash=found) for (level, index), found in right.items()
        )


def _subtrees() -> Iterator[Node]:
    completed, size = Completed(), stored.leaf_count()
    for first in range(0, size, BATCH):
        for leaf in stored.read(0, first, min(BATCH, size - first)):
            yield from completed.add(leaf)
