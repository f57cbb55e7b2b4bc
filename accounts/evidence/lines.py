"""The records of the log as an export holds them: one dictionary for each place.

{"place": n, "leaf": "<hex>", "record": {canonical object},
 "payload": {"salt": "<base64>", "data": {…}} or null, "erased": true if it was emptied}
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from accounts import audit
from accounts.models import Leaf, Record, RecordPayload

BATCH = 1000

Line = dict[str, Any]


def sealed(first: int, last: int) -> Iterator[tuple[Line, Record | None]]:
    """Yield the lines of the places `first` to `last` that have a leaf, each with its record.

    Of a record that is gone, the line has its leaf and None as `record`; of one that cannot be
    read, only the leaf. Rows are read in batches, so memory does not grow with the log.
    """
    while first <= last:
        batch = _read(first, min(first + BATCH - 1, last))
        yield from batch
        first += BATCH


def line_of(record: Record) -> Line:
    """What a line says of `record`, without place and leaf. Raises ValueError or TypeError."""
    actor = str(record.actor.uuid) if record.actor else None
    canonical = json.loads(audit.record_bytes(record, actor=actor))
    return {"record": canonical, **_payload(record)}


def _read(first: int, last: int) -> list[tuple[Line, Record | None]]:
    leaves = Leaf.objects.filter(place__range=(first, last)).order_by("place")
    places = leaves.values_list("place", "leaf")
    try:
        records = {record.sealed.place: record for record in _records(first, last)}
        return [_line(place, _hex(leaf), records.get(place)) for place, leaf in places]
    except Exception:
        # SQLite keeps any text in any column: find the row that cannot be read.
        if first == last:
            return [({"place": place, "leaf": _hex(leaf)}, None) for place, leaf in places]
        middle = (first + last) // 2
        return _read(first, middle) + _read(middle + 1, last)


def _records(first: int, last: int) -> QuerySet[Record]:
    rows = Record.objects.filter(sealed__place__range=(first, last)).order_by("sealed__place")
    return rows.select_related("sealed", "actor", "payload").prefetch_related("teams")


def _line(place: int, leaf: str, record: Record | None) -> tuple[Line, Record | None]:
    rest = line_of(record) if record else {"record": None, "payload": None}
    return {"place": place, "leaf": leaf, **rest}, record


def _hex(leaf: Any) -> str:
    return bytes(leaf).hex() if isinstance(leaf, bytes | memoryview) else ""


def _payload(record: Record) -> Line:
    try:
        payload = record.payload
    except RecordPayload.DoesNotExist:
        return {"payload": None}
    if payload.salt is None and payload.data is None:
        return {"payload": None, "erased": True}
    salt = b64encode(bytes(payload.salt or b"")).decode()
    return {"payload": {"salt": salt, "data": payload.data}}
