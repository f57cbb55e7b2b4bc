"""Erases what others typed to find a person, or to sign in as them.

A search counts if it holds every word of a name or of an e-mail address that the person has or had.
A saved search also counts if the person is one of its filters.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any
from urllib.parse import parse_qsl

from allauth.account.models import EmailAddress

from accounts.audit import erasing
from accounts.events import Event
from accounts.models import RecordPayload, SavedSearch, User
from accounts.search import tokens_of
from generations import holds
from generations.erasing.order import Order

Payloads = list[RecordPayload]
# The records about a person that hold their names and addresses, and how many of them are read.
NAMING = (
    *(Event.USER_INVITED, Event.USER_CHANGED, Event.USER_DEACTIVATED),
    *(Event.ADMIN_ADDED, Event.ADMIN_CHANGED),
)
MOST_NAMING = 1000
SAVED = (Event.LOG_SEARCH_SAVED, Event.GALLERY_VIEW_SAVED)


@dataclass(frozen=True)
class Known:
    """What a person is known by: the identifier, and the names and addresses of all times."""

    identifier: str
    names: frozenset[str]
    addresses: frozenset[str]

    def is_sought_by(self, search: SavedSearch) -> bool:
        """Whether a saved search holds the person's identifier, a name or an address."""
        found = set(tokens_of("\n".join([search.name, *dict(parse_qsl(search.query)).values()])))
        wanted = map(tokens_of, (self.identifier, *self.names, *self.addresses))
        return any(tokens and found.issuperset(tokens) for tokens in wanted)


def known(person: User) -> Known:
    """What `person` is known by, as long as that is not erased."""
    payloads = RecordPayload.objects.filter(record__subject_id=person.uuid, data__isnull=False)
    about = payloads.filter(record__event__in=NAMING).order_by("-record_id")[:MOST_NAMING]
    said = [values for payload in about for values in _said(payload.data)]
    addresses = EmailAddress.objects.filter(user=person).values_list("email", flat=True)
    return Known(
        str(person.uuid),
        names=frozenset(_texts([person.name, *(each.get("name") for each in said)])),
        addresses=frozenset(
            _texts([person.email, *addresses, *(each.get("email") for each in said)])
        ),
    )


def found(known: Known) -> Iterator[Payloads]:
    """Yield the payloads to be emptied, some at once, but none by a person who is held.

    Those that are emptied meanwhile may be yielded again, without text.
    """
    searches = chain.from_iterable(map(erasing.searches_for, known.names | known.addresses))
    sign_ins = chain.from_iterable(map(erasing.sign_ins_as, known.addresses))
    for payloads in chain(searches, _saved(known), sign_ins):
        yield _not_held(payloads)


def count(known: Known, *, most: int) -> int:
    """How many payloads would be emptied, at most `most`."""
    return len(set(islice((each.pk for payloads in found(known) for each in payloads), most)))


def erase(order: Order, payloads: Sequence[RecordPayload], known: Known) -> None:
    """Empty `payloads`, which `found` has yielded, and delete the searches that were saved."""
    for payload in payloads:
        if payload.record.event in SAVED:
            _delete_saved(order, payload, known)
    order.empty_these(payloads)


def _saved(known: Known) -> Iterator[Payloads]:
    """The records of saved searches with the person as a filter: their names often name them."""
    for payloads in erasing.searches_for(known.identifier):
        yield [each for each in payloads if "title" in (each.data or {})]


def _delete_saved(order: Order, payload: RecordPayload, known: Known) -> None:
    title = (payload.data or {}).get("title", "")
    searches = SavedSearch.objects.filter(user=payload.record.actor_id, name=title)
    for search in searches.select_related("user__team"):
        if known.is_sought_by(search):
            search.delete()
            order.record(Event.LOG_SEARCH_ERASED, search.user, story=None)


def _not_held(payloads: Payloads) -> Payloads:
    actors = [each.record.actor_id for each in payloads if each.record.actor_id]
    held = set(holds.held_people().filter(pk__in=actors).values_list("pk", flat=True))
    return [each for each in payloads if each.record.actor_id not in held]


def _said(data: Any) -> list[dict[str, Any]]:
    """Where a payload may name a person."""
    values = (data, data.get("before"), data.get("after"))
    return [each for each in values if isinstance(each, dict)]


def _texts(values: Iterable[object]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str) and value.strip())
