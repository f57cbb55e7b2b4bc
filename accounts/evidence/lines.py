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
    """Yield the lines of the places `first` to `last` that have a row, each with its record.

    A row that cannot be read gives a line without a record. Rows are read in batches, so memory
    does not grow with the log.
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
    try:
        return [_line(row) for row in _rows(first, last)]
    except Exception:
        # SQLite keeps any text in any column: find the row that cannot be read.
        if first == last:
            return [({"place": first}, None)]
        middle = (first + last) // 2
        return _read(first, middle) + _read(middle + 1, last)


def _rows(first: int, last: int) -> QuerySet[Leaf]:
    rows = Leaf.objects.filter(place__range=(first, last)).order_by("place")
    rows = rows.select_related("record__actor", "record__payload")
    return rows.prefetch_related("record__teams")


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
