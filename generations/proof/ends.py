"""What the entries of a generation must be, at each point of its life."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.events import Event
from accounts.models import Entry, Record
from generations.models import Finding
from generations.states import ENDED

Kind = Entry.Kind
What = Finding.What
ENDS = [str(Event(f"generation:{status}")) for status in sorted(ENDED)]
# Ends of unknown outcomes: what was decided says what is charged, not what arrived.
_SPENDS = {"accept_charge": True, "release": False, "released_by_age": False}


@dataclass(frozen=True)
class Books:
    """A generation, as far as credits go, and the sums of its entries by allowance and kind.

    `price` is in credits for an image, references included.
    """

    uuid: UUID
    status: str
    delivered: int
    came_late: bool
    price: int
    amounts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """Whether its credits must have been resolved: at its end, and while it continues late."""
        return self.status in ENDED or self.came_late

    @property
    def earned(self) -> int:
        """What the images that have arrived cost."""
        return self.delivered * self.price


def fault_of(books: Books) -> What | None:
    """What is wrong with the entries; None if nothing is. Reads the log only if it must."""
    if not any(amounts.get(Kind.RESERVE) for amounts in _paid(books)):
        return _without_reservation(books)
    if not books.is_settled:
        is_resolved = any(_resolved(amounts) for amounts in _paid(books))
        return What.EARLY_END if is_resolved else None
    if not any(_resolved(amounts) for amounts in _paid(books)):
        return What.NO_END
    if any(amounts.get(Kind.RESERVE, 0) != _resolved(amounts) for amounts in _paid(books)):
        return What.UNEQUAL
    return _charged_wrongly(books)


def differences(books: Books, due: int) -> dict[int, int]:
    """By allowance, how many credits too many (or, below zero, too few) were charged."""
    found = {allowance: _kept(amounts) - due for allowance, amounts in books.amounts.items()}
    return {
        allowance: more
        for allowance, more in found.items()
        # What the studio bears was charged too little, knowingly.
        if more > 0 or more + books.amounts[allowance].get(Kind.CORRECTION, 0) < 0
    }


def due_of(books: Books) -> int:
    """The credits that its first end had to charge, which later images do not change."""
    reserved = max((a.get(Kind.RESERVE, 0) for a in _paid(books)), default=0)
    at_first = min(books.earned, reserved)
    if not books.came_late and not differences(books, at_first):
        return at_first
    return _due_on_record(books, reserved, at_first)


def _due_on_record(books: Books, reserved: int, otherwise: int) -> int:
    """The same by the log: images may have come after the first end, or somebody decided."""
    told = Record.objects.filter(
        subject_id=books.uuid, event__in=[*ENDS, Event.GENERATION_DECIDED]
    ).order_by("pk")
    records = list(told.values_list("event", "facts"))
    while records and records[0][0] not in ENDS:
        records.pop(0)
    if not records:
        return otherwise
    decided = _decided(records)
    if decided is not None:
        return reserved if decided else 0
    arrived = min(records[0][1].get("delivered", 0), books.delivered)
    return min(arrived * books.price, reserved)


def _decided(records: Sequence[tuple[str, Mapping[str, Any]]]) -> bool | None:
    """Whether the decision with which it ended spends the credits; None without one."""
    if len(records) < 2 or records[1][0] != Event.GENERATION_DECIDED:
        return None
    return _SPENDS.get(records[1][1].get("decision", ""))


def _without_reservation(books: Books) -> What | None:
    if not books.is_settled:
        return What.NO_RESERVATION
    borne = sum(amounts.get(Kind.CORRECTION, 0) for amounts in _paid(books))
    if any(_resolved(amounts) for amounts in _paid(books)):
        return What.UNEQUAL
    return What.NO_RESERVATION if books.status in ENDED and borne < books.earned else None


def _charged_wrongly(books: Books) -> What | None:
    wrong = differences(books, due_of(books)).values()
    if not wrong:
        return None
    return What.OVERCHARGED if max(wrong) > 0 else What.UNDERCHARGED


def _paid(books: Books) -> Iterable[Mapping[str, int]]:
    """The sums of each allowance that pays."""
    return books.amounts.values()


def _resolved(amounts: Mapping[str, int]) -> int:
    return amounts.get(Kind.SETTLE, 0) + amounts.get(Kind.RELEASE, 0)


def _kept(amounts: Mapping[str, int]) -> int:
    """What was spent and not written off for it."""
    return amounts.get(Kind.SETTLE, 0) - amounts.get(Kind.WRITE_OFF, 0)
