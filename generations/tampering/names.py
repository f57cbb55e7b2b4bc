"""Names of people and campaigns, as records say them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.events import Event
from accounts.models import Record
from generations.tampering.difference import Said

_OF_PEOPLE = (Event.USER_INVITED, Event.USER_CHANGED, Event.ADMIN_ADDED, Event.ADMIN_CHANGED)
_OF_CAMPAIGNS = (Event.CAMPAIGN_MADE,)


class Names:
    """The recorded names of rows, each looked up once.

    A row that was made without a record of its name, or whose record was erased, has none.
    """

    def __init__(self) -> None:
        self._said: dict[UUID, Said | None] = {}

    def now(self, subjects: Collection[UUID]) -> dict[UUID, Said]:
        """The name of each row by its newest record, by the row's identifier."""
        unknown = [each for each in subjects if each not in self._said]
        if unknown:
            self._said |= dict.fromkeys(unknown) | _said(_records(unknown))
        found = {each: self._said[each] for each in subjects}
        return {each: name for each, name in found.items() if name}

    @staticmethod
    def then(subjects: Collection[UUID], at: datetime) -> dict[UUID, Said]:
        """The name of each row at a moment, by the row's identifier.

        If no record until then has one, it is the name from which the next record changed it.
        """
        records = _records(subjects)
        return _said_before(records.filter(at__gt=at)) | _said(records.filter(at__lte=at))


def _records(subjects: Collection[UUID]) -> QuerySet[Record]:
    named = Record.objects.filter(
        subject_id__in=subjects, event__in=(*_OF_PEOPLE, *_OF_CAMPAIGNS), payload__isnull=False
    )
    return named.select_related("payload").order_by("pk")


def _said(records: QuerySet[Record]) -> dict[UUID, Said]:
    """The last name that records give each row. An erased record hides the names before it."""
    found: dict[UUID, Said] = {}
    for record in records:
        data = record.payload.data
        if not isinstance(data, dict):
            found.pop(record.subject_id, None)
        elif name := _name_in(data):
            found[record.subject_id] = Said(name, record.pk)
    return found


def _said_before(records: QuerySet[Record]) -> dict[UUID, Said]:
    """The name that each row had before the first of `records` that changed it."""
    found: dict[UUID, Said] = {}
    for record in records:
        data = record.payload.data
        before = data.get("before") if isinstance(data, dict) else None
        name = before.get("name") if isinstance(before, dict) else None
        if isinstance(name, str):
            found.setdefault(record.subject_id, Said(name, record.pk))
    return found


def _name_in(data: dict[str, Any]) -> str | None:
    after = data.get("after")
    name = after.get("name") if isinstance(after, dict) else data.get("name")
    return name if isinstance(name, str) else None
