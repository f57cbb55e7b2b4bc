"""Compares the rows that say who sees a record with what the record itself says."""

from functools import cached_property
from uuid import UUID

from accounts.evidence.lines import TEAMS
from accounts.models import Record, RecordTeam, Team


class Teams:
    """Compares records one after the other; it reads the teams of the studio once."""

    def differ(self, record: Record) -> bool:
        """Whether the rows of `record`, which `lines` has read, are not those it was given.

        Records of version 1 do not name their teams, so only what the rows copy is compared.
        """
        rows: list[RecordTeam] = getattr(record, TEAMS)
        due = (record.at, record.event, record.actor_id)
        if any((row.at, row.event, row.actor_id) != due for row in rows):
            return True
        if record.version == 1:
            return False
        named = {record.actor_team, record.subject_team} - {None}
        if record.subject_team is None and not rows:
            return False  # it is of the whole studio
        # The row of a team that was deleted has only a key, which no record holds.
        known = {self._identifiers[row.team_id] for row in rows if row.team_id in self._identifiers}
        return not known <= named or len(rows) != len(named)

    @cached_property
    def _identifiers(self) -> dict[int | None, UUID]:
        return dict(Team.objects.values_list("pk", "uuid"))
