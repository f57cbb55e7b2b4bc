"""The values of a row before and after an admin's change, fit for the audit log."""

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from django.db import models

# A password's hash must not be in the log, and signing in has a record already.
UNRECORDED = frozenset({"id", "uuid", "password", "last_login", "session_number"})
PLAIN = (
    models.BooleanField,
    models.DateField,
    models.DecimalField,
    models.IntegerField,
    models.UUIDField,
    models.ForeignKey,
)

Snapshot = dict[str, Any]


def snapshot(row: models.Model) -> Snapshot:
    """Return the fields of `row` as plain values: rows by identifier, times in ISO 8601."""
    fields = [*row._meta.concrete_fields, *row._meta.many_to_many]
    return {field.name: _value(row, field) for field in fields if field.name not in UNRECORDED}


def difference(before: Snapshot, after: Snapshot) -> tuple[Snapshot, Snapshot]:
    """Return the fields that differ, with their old values and with their new ones."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def facts_and_personal(
    values: Mapping[str, Snapshot], personal: Collection[str]
) -> tuple[dict[str, Snapshot], dict[str, Snapshot]]:
    """Split `values` (`before` and `after`) by field into plain facts and personal text."""
    facts = {
        when: {name: value for name, value in fields.items() if name not in personal}
        for when, fields in values.items()
    }
    text = {
        when: {name: value for name, value in fields.items() if name in personal}
        for when, fields in values.items()
    }
    return _without_empty(facts), _without_empty(text)


def free_text(model: type[models.Model]) -> set[str]:
    """The fields of `model` that may hold text that a person wrote: all that have no plain type."""
    return {
        field.name
        for field in model._meta.concrete_fields
        if not field.choices and not isinstance(field, PLAIN)
    }


def _without_empty(values: dict[str, Snapshot]) -> dict[str, Snapshot]:
    return {when: fields for when, fields in values.items() if fields}


def _value(row: models.Model, field: models.Field) -> Any:
    value = getattr(row, field.name)
    if field.many_to_many:
        return sorted(_identifier(related) for related in value.all())
    if field.is_relation:
        return value and _identifier(value)
    return _plain(value)


def _identifier(row: Any) -> str:
    """The name of a row in the log: its identifier or, for Django's own rows, their natural key."""
    return str(row.uuid) if hasattr(row, "uuid") else ".".join(row.natural_key())


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    return value.isoformat() if isinstance(value, dt.date) else str(value)
