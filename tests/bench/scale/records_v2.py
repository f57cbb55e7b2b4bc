"""Fills the log with some thousand records in a second, for tests of how pages find them.

Each has its leaf, teams and payload, and is sealed and verified like any other. `filling` makes
records of runs that are there, too.
"""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection, transaction

from accounts import audit
from accounts.audit.canonical import VERSION, payload_digest
from accounts.events import Event
from accounts.models import Record, RecordPayload, RecordTeam, Team, Unsealed, User

BATCH = 5_000
BEGIN = dt.datetime(2025, 10, 9, 8, 53, 20, tzinfo=dt.UTC)
# The events of the ten records of a run, by the last digit of their number.
EVENTS = {
    1: Event.RUN_SUBMITTED,
    2: Event.GENERATION_QUEUED,
    3: Event.GENERATION_SUBMITTING,
    4: Event.GENERATION_RUNNING,
    5: Event.GENERATION_STORING,
    6: Event.IMAGE_STORED,
    7: Event.GENERATION_SUCCEEDED,
    8: Event.IMAGE_DOWNLOADED,
    9: Event.IMAGE_DOWNLOADED,
    0: Event.USER_SIGNED_IN,
}
SUBJECTS = {1: "run", 6: "image", 8: "image", 9: "image", 0: "user"}
BY_PEOPLE = (0, 1, 8, 9)
RARE = 997  # every such download is one of an original


def fill(size: int, names: Mapping[str, Any]) -> None:
    """Write `size` records. `names` are the keys of teams and people, as `records` made them."""
    people = {user.pk: user for user in User.objects.all()}
    teams = {team.pk: team for team in Team.objects.all()}
    batch: list[Record] = []
    for record in _records(size, names, people, teams):
        batch.append(record)
        if len(batch) == BATCH:
            _write(batch, teams)
            batch = []
    _write(batch, teams)


def _records(
    size: int, names: Mapping[str, Any], people: dict[int, User], teams: dict[int, Team]
) -> Iterator[Record]:
    facts = json.loads(names["facts"])
    for n in range(1, size + 1):
        kind, run = n % 10, (n + 9) // 10
        name = "large" if run % 10 < 7 else "small" if run % 1000 == 8 else "others"
        person = people[names[f"{name}_person"] + (run // 10) % 40]
        actor = person if kind in BY_PEOPLE else None
        yield _record(n, kind, run, actor, teams[names[name]], facts)


def _record(
    n: int, kind: int, run: int, person: User | None, team: Team, common: dict[str, Any]
) -> Record:
    story = identifier(-run) if kind else None
    event = Event.ORIGINAL_DOWNLOADED if kind in (8, 9) and n % RARE == 0 else EVENTS[kind]
    facts = {**common, "task_id": f"task-{n}"}
    if story:
        facts["story"] = str(story)
    row = Record(
        uuid=identifier(n),
        version=VERSION,
        at=BEGIN + dt.timedelta(seconds=n),
        event=event,
        actor=person,
        subject_kind=SUBJECTS.get(kind, "generation"),
        subject_id=identifier(-run) if kind == 1 else identifier(n),
        story=story,
        actor_team=team.uuid if person else None,
        subject_team=team.uuid,
        facts=facts,
    )
    if kind == 1:
        row.text = {"prompt": prompt(n), "negative_prompt": None}  # type: ignore[attr-defined]
        row.personal = payload_digest(salt(n), row.text)  # type: ignore[attr-defined]
    actor = str(person.uuid) if person else None
    row.leaf = audit.leaf_hash(audit.record_bytes(row, actor=actor))
    return row


def prompt(n: int) -> str:
    """Words that all prompts have, one that a thousandth of them has, and one of its own."""
    return f"ridges at dawn {'fox' if n % 10_000 == 1 else 'owl'} number{n}"


def salt(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()


def identifier(n: int) -> uuid.UUID:
    """The same for the same number, and far from that of the next one, as `records` makes them."""
    if connection.vendor == "postgresql":
        return uuid.UUID(hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest())
    return uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)


def _write(batch: list[Record], teams: dict[int, Team]) -> None:
    by_identifier = {team.uuid: team.pk for team in teams.values()}
    with transaction.atomic():
        Record.objects.bulk_create(batch)
        RecordTeam.objects.bulk_create(
            RecordTeam(
                record=row,
                team_id=by_identifier[row.subject_team],
                at=row.at,
                event=row.event,
                actor=row.actor,
            )
            for row in batch
        )
        RecordPayload.objects.bulk_create(
            RecordPayload(record=row, salt=salt(_number(row)), data=row.text)  # type: ignore[attr-defined]
            for row in batch
            if row.personal
        )
        Unsealed.objects.bulk_create(Unsealed(record=row, since=row.at) for row in batch)


def _number(row: Record) -> int:
    """The number from which a record was made."""
    return int((row.at - BEGIN).total_seconds())
