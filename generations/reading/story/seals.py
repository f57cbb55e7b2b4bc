"""How far the seal of the log covers a story."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.evidence import progress
from accounts.models import Checkpoint, Leaf, Record, User
from generations.reading.story.finding import Told
from generations.reading.story.wording import Moment, moment


@dataclass(frozen=True)
class Seal:
    """How many records of a story are `sealed`, and how many wait for it.

    `verified` is how many of the sealed ones the recurring verification has found unchanged; 0 if
    it has found anything wrong with the log.

    `size` and `when` are those of the first checkpoint that covers all sealed ones; None if there
    is none.
    """

    sealed: int
    waiting: int
    verified: int
    size: str
    when: Moment | None


def neighbours_of(record: Record | None) -> list[int]:
    """The numbers of the records beside `record` in the log, once it is sealed."""
    if record is None or not hasattr(record, "sealed"):
        return []
    place = record.sealed.place
    beside = Leaf.objects.filter(place__in=(place - 1, place + 1)).order_by("place")
    return list(beside.values_list("record_id", flat=True))


def seal_of(records: Sequence[Told], reader: User) -> Seal:
    """The seal of the records that a page shows."""
    places = [told.record.sealed.place for told in records if hasattr(told.record, "sealed")]
    covering = Checkpoint.objects.filter(size__gt=max(places, default=0)).order_by("size", "pk")
    first = covering.first() if places else None
    standing = progress.standing()
    verified_to = 0 if standing.trouble else standing.size
    return Seal(
        sealed=len(places),
        waiting=len(records) - len(places),
        verified=sum(place < verified_to for place in places),
        size=f"{first.size:,}" if first else "",
        when=moment(first.at, reader.tzinfo) if first else None,
    )
