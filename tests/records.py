"""Records for tests: any event, with values that fit its declaration."""

import uuid

from django.db import transaction

from accounts import audit
from accounts.audit.vocabulary import ORIGIN, TABLE, Kind

SAMPLES = {
    Kind.TEXT: "text",
    Kind.LONG_TEXT: "text",
    Kind.NUMBER: 1,
    Kind.AMOUNT: "0.04",
    Kind.FLAG: True,
    Kind.IDENTIFIER: str(uuid.UUID(int=1)),
    Kind.HASH: "ab" * 32,
    Kind.TEXTS: ["text"],
    Kind.IDENTIFIERS: [str(uuid.UUID(int=1))],
    Kind.HASHES: ["ab" * 32],
    Kind.TEXT_BY_NAME: {"name": "text"},
    Kind.VALUES_BY_NAME: {"name": 1},
    Kind.LIST: [{"sha256": "ab" * 32}],
    Kind.RANGES: [[3, 5, "2026-11-22T03:00:00.000000Z"]],
}


def required(values):
    """A value for each of `values` that a record may not lack."""
    return {value.name: SAMPLES[value.kind] for value in values if value.required}


def facts_of(event, **given):
    """The facts that `event` requires, with `given` in place of some or beside them."""
    return required(TABLE[event].facts) | given


def write(event, *, actor, subject, facts=None, personal=None, **more):
    """Write a record; what the event requires beside `facts` and `personal` is made up."""
    declared = TABLE[event]
    with transaction.atomic():
        return audit.record(
            event,
            actor=actor,
            subject=subject,
            facts=required(declared.facts) | (facts or {}),
            personal=required(declared.personal) | (personal or {}),
            **more,
        )


def said(record):
    """The personal values of a record, without where the act came from."""
    payload = getattr(record, "payload", None)
    of_origin = {value.name for value in ORIGIN}
    given = payload.data if payload else {}
    return {name: value for name, value in given.items() if name not in of_origin}
