"""Who may see a record. This is decided when the record is written, and never changes.

The reviewers of the actor's team and of the subject's team see it. The teams at that moment count.
A record whose subject has no team (a failed sign-in, a price, an alert of a provider) is of the
whole studio, whoever acted. Only superusers and people with the right to read the whole log see it;
they see every record.

The reviewers of every team see records of version 1 that have no actor and belong to no run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import keyset
from accounts.models import PlannedQuota, Record, RecordTeam, Team, User

READ_WHOLE_LOG = "accounts.read_whole_log"


@dataclass(frozen=True)
class Teams:
    """The team of who acts and that of the subject; None stands for no team."""

    actor: Team | None
    subject: Team | None

    @property
    def keys(self) -> set[int | None]:
        """The keys of the teams whose reviewers see it; none if it is of the whole studio."""
        return {team.pk for team in (self.actor, self.subject) if team} if self.subject else set()


def teams_concerned(actor: User | None, subject: Any, story: UUID | None) -> Teams:
    """Return the teams whose reviewers may see a record.

    Raises ValueError for a record of a story whose subject has no team.
    """
    of_subject = team_of(subject)
    if story is not None and of_subject is None:
        raise ValueError("the subject of a record in a story must belong to a team")
    return Teams(actor.team if actor else None, of_subject)


def team_of(subject: Any) -> Team | None:
    """Return the team that `subject` belongs to, or None if it belongs to none."""
    if isinstance(subject, PlannedQuota) and subject.user:
        return subject.user.team
    return subject if isinstance(subject, Team) else getattr(subject, "team", None)


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
    """Return the keys of the teams whose reviewers may see `record`; None stands for every team."""
    return set(RecordTeam.objects.filter(record=record).values_list("team_id", flat=True))


def reads_whole_log(reader: User) -> bool:
    """Whether `reader` sees every record."""
    return reader.has_perm(READ_WHOLE_LOG)


@dataclass(frozen=True)
class Chosen:
    """What is listed of the records that somebody may see; None and "" stand for all.

    `actor` and `team` are keys. Only for who reads the whole log, `team` chooses one. The times
    include `since` and exclude `until`.
    """

    event: str = ""
    actor: int | None = None
    team: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions that a record and its row of `RecordTeam` share."""
        named: dict[str, Any] = {"event": self.event, "actor_id": self.actor}
        named |= {"at__gte": self.since, "at__lt": self.until}
        return {name: value for name, value in named.items() if value not in ("", None)}


EVERYTHING = Chosen()


def newest_visible_to(
    reader: User,
    place: keyset.Place | None,
    *,
    size: int,
    chosen: Chosen = EVERYTHING,
) -> tuple[list[Record], bool]:
    """The newest `size` records after `place` that `reader` may see, and whether there are more."""
    reads_all = reads_whole_log(reader)
    if reads_all and chosen.team is None:
        records = Record.objects.filter(**chosen.conditions).select_related("actor", "payload")
        return keyset.newest([records], place, size=size, time="at")
    rows = RecordTeam.objects.filter(**chosen.conditions)
    rows = rows.select_related("record__actor", "record__payload")
    team = chosen.team if reads_all and chosen.team is not None else reader.team_id
    sources = [rows.filter(team_id=team)]
    if chosen.actor is None and not reads_all:  # Records that every team sees have no actor.
        # A second query, because each is in order of time in an index of its own, and no index has
        # both together in that order. No record is in both.
        sources.append(rows.filter(team__isnull=True))
    found, more = keyset.newest(sources, place, size=size, time="at", key="record_id")
    return [row.record for row in found], more


def visible_to(reader: User) -> QuerySet[Record]:
    """The records that `reader` may see, to look one up; `newest_visible_to` reads a page."""
    if reads_whole_log(reader):
        return Record.objects.all()
    # One EXISTS: of two, PostgreSQL would read all rows that every team sees.
    shown = Q(team_id=reader.team_id) | Q(team__isnull=True)
    return Record.objects.filter(Exists(RecordTeam.objects.filter(shown, record=OuterRef("pk"))))
