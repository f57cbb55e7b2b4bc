"""Complete what an older version made: teams, search and seal of its records, search of its runs.

A version before `RecordTeam`, `IndexedRecord`, `Unsealed` and `IndexedPrompt` fills none of them.
Migrations complete what it made before an upgrade. If it still runs after them, during a deploy,
`catch_up` completes the rest. Each step is a transaction, so after an interruption the next call
goes on.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet

from accounts.audit import index
from accounts.models import Record
from accounts.sealing.old_records import add_unsealed
from generations.models import Run
from generations.models.prompt_index import index_next

DAYS = 3  # looked back each night
STEP = 20_000  # records

# Two queries, because SQLite reads the whole table for MIN and MAX in one.
_ENDS = """
SELECT COALESCE((SELECT MIN(id) FROM accounts_record), 1),
    COALESCE((SELECT MAX(id) FROM accounts_record), 0)
"""

# Only for records of version 1: later ones have their rows, and those of no team have none. These
# are the rules for version 1, with one exception: only the run's team sees a record of a story.
# Nobody knows the actor's team of that time, and the present one may have no right to see it. Other
# records whose subject is gone are seen by the actor's team alone.
# UNION gives each team once.
_ADD_TEAMS = """
INSERT INTO accounts_recordteam (record_id, at, event, actor_id, team_id, team_inferred)
WITH lacking AS (
    SELECT id, at, event, actor_id, story, subject_kind, subject_id
    FROM accounts_record
    WHERE version = 1 AND id > %s AND id <= %s AND NOT EXISTS (
        SELECT 1 FROM accounts_recordteam filled WHERE filled.record_id = accounts_record.id
    )
),
concerning AS (SELECT * FROM lacking WHERE actor_id IS NOT NULL OR story IS NOT NULL),
teams AS (
    SELECT concerning.id, person.team_id FROM concerning
    JOIN accounts_user person ON person.id = concerning.actor_id AND concerning.story IS NULL
    UNION
    SELECT concerning.id, run.team_id FROM concerning
    JOIN generations_run run ON run.uuid = concerning.story
    UNION
    SELECT concerning.id, team.id FROM concerning
    JOIN accounts_team team ON team.uuid = subject_id AND subject_kind = 'team'
    UNION
    SELECT concerning.id, person.team_id FROM concerning
    JOIN accounts_user person ON person.uuid = subject_id AND subject_kind = 'user'
    UNION
    SELECT concerning.id, run.team_id FROM concerning
    JOIN generations_run run ON run.uuid = subject_id AND subject_kind = 'run'
    UNION
    SELECT concerning.id, run.team_id FROM concerning
    JOIN generations_generation made ON made.uuid = subject_id AND subject_kind = 'generation'
    JOIN generations_run run ON run.id = made.run_id
    UNION
    SELECT concerning.id, image.team_id FROM concerning
    JOIN generations_image image ON image.uuid = subject_id AND subject_kind = 'image'
    UNION
    SELECT concerning.id, reference.team_id FROM concerning
    JOIN generations_reference reference
    ON reference.uuid = subject_id AND subject_kind = 'reference'
    UNION
    SELECT concerning.id, campaign.team_id FROM concerning
    JOIN generations_campaign campaign
    ON campaign.uuid = subject_id AND subject_kind = 'campaign'
    UNION
    SELECT id, NULL FROM lacking WHERE actor_id IS NULL AND story IS NULL
)
SELECT lacking.id, lacking.at, lacking.event, lacking.actor_id, teams.team_id, %s
FROM lacking JOIN teams ON teams.id = lacking.id
ORDER BY lacking.id
"""


class Completed(NamedTuple):
    """How many teams were added to records, runs and records to searches, and records to seal."""

    teams: int
    runs: int
    records: int
    unsealed: int


def catch_up(since: datetime) -> Completed:
    """Complete the records and runs made after `since`.

    The cost grows with what was made after `since`, not with what is stored.
    """
    records = Record.objects.filter(at__lt=since).order_by("-at", "-pk")
    # Read back from the newest run, because no index has the times of all runs.
    runs = Run.objects.filter(created_at__lt=since).order_by("-pk")
    first = _key(records)
    return Completed(
        teams=add_teams(connection, after=first),
        runs=_indexed(index_next, Run.objects.all(), after=_key(runs)),
        records=_indexed(index.index_next, Record.objects.all(), after=first),
        unsealed=add_unsealed(connection, after=first),
    )


def add_teams(database: BaseDatabaseWrapper, *, after: int = 0) -> int:
    """Add teams to records above the key `after` that have none. Return how many were added.

    People may have changed teams since then, so the rows are marked as inferred.
    """
    with database.cursor() as cursor:
        cursor.execute(_ENDS)
        first, last = cursor.fetchone()
    added = 0
    for start in range(max(first - 1, after), last, STEP):
        with transaction.atomic(using=database.alias), database.cursor() as cursor:
            cursor.execute(_ADD_TEAMS, [start, start + STEP, True])
            added += cursor.rowcount
    return added


def _indexed(step: Callable[..., tuple[int, int]], rows: QuerySet[Any], *, after: int) -> int:
    total = 0
    while True:
        after, indexed = step(rows, after=after)
        if not after:
            return total
        total += indexed


def _key(rows: QuerySet[Any]) -> int:
    return rows.values_list("pk", flat=True).first() or 0
