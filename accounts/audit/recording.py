"""The only writer of the audit log."""

import secrets
import uuid
from collections.abc import Collection
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from accounts import origin
from accounts.audit import index, viewers, vocabulary
from accounts.audit.canonical import VERSION, leaf_hash, payload_digest, record_bytes
from accounts.events import Event
from accounts.models import Reading, Record, RecordPayload, Unsealed, User

SALT_BYTES = 32
# With each of these acts, a person reads what the author of its subject wrote.
_READINGS = {
    Event.RECORD_READ: Reading.Page.STORY,
    Event.ORIGINAL_DOWNLOADED: Reading.Page.ORIGINAL,
}


class Subject(Protocol):
    """What a record can be about: a row with a public identifier.

    A row that belongs to a team also has it as `team`. One that shows what a person wrote has the
    key of that person as `author_id`.
    """

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
    """Write one record in the caller's transaction. If it cannot be written, the act fails.

    `facts` are plain values that every reader of the record sees. Names, addresses, prompts and
    free text belong in `personal`, which can be erased later. `story` groups the records of one
    run. `origin` adds where the act comes from. `viewers` decides whose reviewers see the record.
    Raises ValueError for values that differ from what `vocabulary` declares and for a story whose
    subject belongs to no team, and TypeError or ValueError for values without a canonical form.
    """
    facts = origin.facts() | (facts or {})
    personal = origin.personal(by_person=actor is not None) | (personal or {})
    vocabulary.refuse_unfit(event, facts, personal)
    teams = viewers.teams_concerned(actor, subject, story)
    if story:
        facts["story"] = str(story)
    about = {
        "subject_kind": subject._meta.model_name,
        "subject_id": subject.uuid,
        "story": story,
        "actor_team": teams.actor and teams.actor.uuid,
        "subject_team": teams.subject and teams.subject.uuid,
    }
    row = _write(event, actor, about, facts, personal, teams.keys)
    _list_for_author(row, subject)
    return row


def record_more(first: Record, facts: dict[str, Any]) -> Record:
    """Write a record that adds `facts` to `first`: same event, subject, story and viewers."""
    vocabulary.refuse_unfit_count(Event(first.event), facts)
    about = {
        "subject_kind": first.subject_kind,
        "subject_id": first.subject_id,
        "story": first.story,
        "subject_team": first.subject_team,
    }
    facts = {"first": str(first.uuid), **facts}
    if first.story:
        facts["story"] = str(first.story)
    return _write(Event(first.event), None, about, facts, None, viewers.teams_shown(first))


def _list_for_author(row: Record, subject: Subject) -> None:
    """Add the act to those that the author of `subject` sees, if somebody else read it."""
    page, author = _READINGS.get(Event(row.event)), getattr(subject, "author_id", None)
    if page and author and row.actor and row.actor.pk != author:
        Reading.objects.create(
            record=row, author_id=author, reader=row.actor, page=page, created_at=row.at
        )


def _write(
    event: Event,
    actor: User | None,
    about: dict[str, Any],
    facts: dict[str, Any],
    personal: dict[str, Any] | None,
    teams: Collection[int | None],
) -> Record:
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            "a record belongs in the transaction of its act"
        )
    salt = secrets.token_bytes(SALT_BYTES) if personal else None
    row = Record(
        version=VERSION,
        at=timezone.now(),
        event=event,
        actor=actor,
        facts=facts,
        personal=payload_digest(salt, personal) if salt and personal else None,
        **about,
    )
    row.leaf = leaf_hash(record_bytes(row, actor=str(actor.uuid) if actor else None))
    row.save(force_insert=True)
    Unsealed.objects.create(record=row, since=row.at)
    viewers.show_to(row, teams)
    if salt:
        RecordPayload.objects.create(record=row, salt=salt, data=personal)
    index.add(row, personal, teams)
    return row
