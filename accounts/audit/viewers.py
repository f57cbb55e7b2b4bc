"""Who may see a record. This is decided when the record is written, and never changes.

The reviewers of the actor's team and of the subject's team see it. The teams at that moment count.
The reviewers of every team see a record that has no actor and belongs to no run (a failed sign-in,
an alert of a provider).
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Record, RecordTeam, Team, User

# Stands in place of a team's key.
EVERY_TEAM = None


def teams_concerned(actor: User | None, subject: Any, story: UUID | None) -> set[int | None]:
    """Return the keys of the teams whose reviewers may see a record, or `EVERY_TEAM` alone.

    Raises ValueError for a record of a story that would have no team.
    """
    if actor is None and story is None:
        return {EVERY_TEAM}
    of_subject = team_of(subject)
    if story is not None and of_subject is None:
        raise ValueError("the subject of a record in a story must belong to a team")
    of_actor = actor.team_id if actor else None
    return {team for team in (of_actor, of_subject) if team is not None}


def team_of(subject: Any) -> int | None:
    """Return the key of the team that `subject` belongs to, or None if it belongs to none."""
    return subject.pk if isinstance(subject, Team) else getattr(subject, "team_id", None)


def show_to(record: Record, teams: Iterable[int | None]) -> None:
    """Let the reviewers of `teams` see `record`."""
    RecordTeam.objects.bulk_create(
        RecordTeam(
            record=record,
            team_id=team,
            at=record.at,
            event=record.event,
            actor_id=record.actor_id,
        )
        for team in teams
    )


def teams_shown(record: Record) -> set[int | None]:
    """Return the keys of the teams whose reviewers may see `record`."""
    return set(RecordTeam.objects.filter(record=record).values_list("team_id", flat=True))


def rows_visible_to(reader: User) -> tuple[QuerySet[RecordTeam], QuerySet[RecordTeam]]:
    """Return the records of the reader's team, and those that every team sees.

    No record is in both. There are two querysets because each is in order of time in an index of
    its own, and no index has both together in that order.
    """
    return (
        RecordTeam.objects.filter(team_id=reader.team_id),
        RecordTeam.objects.filter(team__isnull=True),
    )


def visible_to(reader: User) -> QuerySet[Record]:
    """The records that `reader` may see, to look one up. `rows_visible_to` reads a page of them."""
    rows = RecordTeam.objects.filter(record=OuterRef("pk"))
    own, shared = rows.filter(team_id=reader.team_id), rows.filter(team__isnull=True)
    return Record.objects.filter(Exists(own) | Exists(shared))
