"""The records of the log as an export holds them: one dictionary for each place.

{"place": n, "leaf": "<hex>", "record": {canonical object},
 "payload": {"salt": "<base64>", "data": {…}} or null, "erased": true if it was emptied}
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from accounts import audit
from accounts.models import Leaf, Record, RecordPayload

# Rows in memory at once. A payload may have some 100 kB.
BATCH = 200
# The event that names the records whose payloads were erased.
ERASED = "personal:erased"

Line = dict[str, Any]


def sealed(first: int, last: int, *, teams: bool = False) -> Iterator[tuple[Line, Record | None]]:
    """Yield the lines of the places `first` to `last` that have a row, each with its record.

    See `at`.
    """
    return at(range(first, last + 1), teams=teams)


def at(places: Iterable[int], *, teams: bool = False) -> Iterator[tuple[Line, Record | None]]:
    """Yield the lines of `places`, which are in order, that have a row, each with its record.

    A row that cannot be read gives a line without a record. Rows are read in batches, so memory
    does not grow with the log. With `teams`, the rows of a record's teams are prefetched.
    """
    rest = iter(places)
    while batch := list(islice(rest, BATCH)):
        yield from _read(batch, teams)


def line_of(record: Record) -> Line:
    """What a line says of `record`, without place and leaf. Raises ValueError or TypeError."""
    actor = str(record.actor.uuid) if record.actor else None
    canonical = json.loads(audit.record_bytes(record, actor=actor))
    return {"record": canonical, **_payload(record)}


def _read(places: Sequence[int], teams: bool) -> list[tuple[Line, Record | None]]:
    try:
        return [_line(row) for row in _rows(places, teams)]
    except Exception:
        # SQLite keeps any text in any column: find the row that cannot be read.
        if len(places) == 1:
            return [({"place": places[0]}, None)]
        middle = len(places) // 2
        return _read(places[:middle], teams) + _read(places[middle:], teams)


def _rows(places: Sequence[int], teams: bool) -> QuerySet[Leaf]:
    rows = Leaf.objects.filter(place__in=places).order_by("place")
    rows = rows.select_related("record__actor", "record__payload")
    return rows.prefetch_related("record__teams") if teams else rows


def _line(row: Leaf) -> tuple[Line, Record]:
    leaf = bytes(row.leaf).hex()
    return {"place": row.place, "leaf": leaf, **line_of(row.record)}, row.record


def _payload(record: Record) -> Line:
    try:
        payload = record.payload
    except RecordPayload.DoesNotExist:
        return {"payload": None}
    if payload.salt is None and payload.data is None:
        return {"payload": None, "erased": True}
    salt = b64encode(bytes(payload.salt or b"")).decode()
    return {"payload": {"salt": salt, "data": payload.data}}
