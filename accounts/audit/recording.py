"""The only writer of the audit log."""

import secrets
import uuid
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from accounts.audit.canonical import leaf_hash, payload_digest, record_bytes
from accounts.events import Event
from accounts.models import Record, RecordPayload, User

SALT_BYTES = 32


class Subject(Protocol):
    """What a record can be about: a row with a public identifier."""

    uuid: uuid.UUID

    @property
    def _meta(self) -> Any: ...


def record(
    event: Event,
    *,
    actor: User | None,
    subject: Subject,
    story: uuid.UUID | None = None,
    facts: dict[str, Any] | None = None,
    personal: dict[str, Any] | None = None,
) -> Record:
    """Write one record within the caller's transaction; if it cannot be written, the act fails.

    `facts` are plain and public within the log; names, addresses, prompts and free text belong in
    `personal`, which can be erased later. `story` groups the records of one run. Raises TypeError
    or ValueError for values without a canonical form.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            "a record belongs in the transaction of its act"
        )
    facts = dict(facts or {})
    if story:
        facts["story"] = str(story)
    salt = secrets.token_bytes(SALT_BYTES) if personal else None
    row = Record(
        at=timezone.now(),
        event=event,
        actor=actor,
        subject_kind=subject._meta.model_name,
        subject_id=subject.uuid,
        story=story,
        facts=facts,
        personal=payload_digest(salt, personal) if salt and personal else None,
    )
    row.leaf = leaf_hash(record_bytes(row, actor=str(actor.uuid) if actor else None))
    row.save(force_insert=True)
    if salt:
        RecordPayload.objects.create(record=row, salt=salt, data=personal)
    return row
