"""The records of the log as an export holds them: one dictionary for each place.

{"place": n, "leaf": "<hex>", "record": {canonical object},
 "payload": {"salt": "<base64>", "data": {…}} or null, "erased": true if it was emptied}

In a part of the log, a record that was not chosen may stand with "withheld" as its payload.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import Prefetch

from accounts import audit
from accounts.events import Event
from accounts.models import Leaf, Record, RecordPayload, User

# Rows in memory at once. A payload may have some 100 kB.
BATCH = 200
# The event that names the records whose payloads were erased.
ERASED = "personal:erased"
# Where a record has its rows of teams, if they were asked for.
TEAMS = "rows_of_teams"

Line = dict[str, Any]


def sealed(first: int, last: int, *, teams: bool = False) -> Iterator[tuple[Line, Record | None]]:
    """Yield the lines of the places `first` to `last` that have a leaf, each with its record.

    See `at`.
    """
    return at(range(first, last + 1), teams=teams)


def at(places: Iterable[int], *, teams: bool = False) -> Iterator[tuple[Line, Record | None]]:
    """Yield the lines of `places`, which are in order, that have a leaf, each with its record.

    Of a record that is gone, the line has its leaf and None as `record`; of one that cannot be
    read, only the leaf. Rows are read in batches, so memory does not grow with the log. With
    `teams`, a record has the rows of its teams as the attribute `TEAMS`.
    """
    rest = iter(places)
    while batch := list(islice(rest, BATCH)):
        yield from _read(batch, teams)


def accepting(size: int) -> list[int]:
    """The places below `size` of the records that accept damage, in order."""
    rows = Leaf.objects.filter(record__event=Event.LOG_DAMAGE_ACCEPTED, place__lt=size)
    return list(rows.order_by("place").values_list("place", flat=True))


def line_of(record: Record) -> Line:
    """What a line says of `record`, without place and leaf. Raises ValueError or TypeError."""
    actor = str(record.actor.uuid) if record.actor else None
    members = audit.members_of(record, actor=actor)
    audit.canonical_bytes(members)
    return {"record": members, **_payload(record)}


def _read(places: Sequence[int], teams: bool) -> list[tuple[Line, Record | None]]:
    rows = Leaf.objects.filter(place__in=places).order_by("place")
    leaves = rows.values_list("place", "record_id", "leaf")
    try:
        records = _records([key for _place, key, _leaf in leaves], teams)
        return [_line(place, hex_of(leaf), records.get(key)) for place, key, leaf in leaves]
    except Exception:
        # SQLite keeps any text in any column: find the row that cannot be read.
        if len(places) == 1:
            return [({"place": place, "leaf": hex_of(leaf)}, None) for place, _key, leaf in leaves]
        middle = len(places) // 2
        return _read(places[:middle], teams) + _read(places[middle:], teams)


def _records(keys: Sequence[int], teams: bool) -> dict[int, Record]:
    # Prefetched, because most records have no payload, and few people do most acts. The log is
    # looked at before migrations, when people may still lack columns of this version.
    actors = Prefetch("actor", User.objects.only("uuid", "name", "email"))
    rows = Record.objects.filter(pk__in=keys).prefetch_related(actors, "payload")
    if teams:
        rows = rows.prefetch_related(Prefetch("teams", to_attr=TEAMS))
    return {record.pk: record for record in rows}


def _line(place: int, leaf: str, record: Record | None) -> tuple[Line, Record | None]:
    rest = line_of(record) if record else {"record": None, "payload": None}
    return {"place": place, "leaf": leaf, **rest}, record


def hex_of(found: Any) -> str:
    """The value of a binary column in hexadecimal; empty if SQLite holds something else there."""
    return bytes(found).hex() if isinstance(found, bytes | memoryview) else ""


def _payload(record: Record) -> Line:
    try:
        payload = record.payload
    except RecordPayload.DoesNotExist:
        return {"payload": None}
    if payload.salt is None and payload.data is None:
        return {"payload": None, "erased": True}
    salt = b64encode(bytes(payload.salt or b"")).decode()
    return {"payload": {"salt": salt, "data": payload.data}}
