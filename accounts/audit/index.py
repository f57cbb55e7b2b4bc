"""The search index of the log: the words, people, engines, hashes and so on of each record.

A record's row in the index is made from the record, from its payload and, for a submitted run, from
the records that tell what became of it. So it can be made again at any time.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.audit.outcomes import PENDING, STATUSES, TELLING, outcomes_of
from accounts.events import Event
from accounts.identifiers import NOBODY
from accounts.models import IndexedRecord, Record, Team
from accounts.search import Index, IndexedRow, tokens_of

if TYPE_CHECKING:
    from accounts.audit.outcomes import Outcome

RECORDS = Index(IndexedRecord._meta.db_table)
# In place of a team's key: every record, for those who read the whole log.
WHOLE_LOG = 0
BATCH = 500
SHORTEST_HASH = 8  # characters by which a hash can be found
REFUSED = "refused"
# The personal values in which words are searched: what people wrote, not what programs sent.
SEARCHED = (
    *("prompt", "negative_prompt", "reason", "name", "email", "file_name"),
    *("note", "word"),
)
# Those that hold what somebody searched for, as a text or as texts by name. A search for words does
# not find them, so that it does not find itself.
LOOKED_FOR = ("title", "asked", "filters")
# Whoever reads the log would otherwise find little else at its top.
READINGS = (Event.LOG_OPENED, Event.LOG_SEARCHED)
# What programs record of themselves, which the list shows on demand.
OF_PROGRAMS = (
    Event.STUDIO_STARTED,
    Event.STUDIO_STOPPED,
    Event.STUDIO_CONFIGURED,
    Event.STUDIO_MIGRATED,
)
BY_PROGRAM = "program"
# Of no team: only records of version 1, which the reviewers of every team see.
SHARED = "shared"

_HASH = re.compile(r"[0-9a-f]{64}")


# --- What a record is found by --------------------------------------------------------------------


def by_person(key: int) -> str:
    """The label of records by the person with this key."""
    return f"a{key}"


def with_event(event: str) -> str:
    return f"v{_digest(event)}"


def with_engine(engine: str) -> str:
    return f"e{_digest(engine)}"


def in_campaign(campaign: str) -> str:
    """The label of runs of the campaign with this identifier."""
    return f"c{_digest(campaign)}"


def with_outcome(status: str) -> str:
    """The label of runs with this outcome, and of refused requests."""
    return f"s{status}"


def with_hash(digest: str) -> str:
    """The label of records that hold a hash with the same first 8 characters."""
    return f"x{digest[:SHORTEST_HASH]}"


def with_task(task_id: str) -> str:
    return f"k{_digest(task_id)}"


def with_file(name: str) -> str:
    """The label of records that name a file, whatever its upper and lower case."""
    return f"f{_digest(name.casefold())}"


def about_image(start: str) -> str:
    """The label of records about the image whose identifier begins with these 8 characters."""
    return f"i{start}"


def looking_for(token: str) -> str:
    """The label of searches that hold this token of a text; see `search.tokens_of`."""
    return f"q{_digest(token)}"


def looked_for(data: Mapping[str, Any]) -> list[str]:
    """The tokens of what somebody searched for, according to a payload."""
    values = (data[name] for name in LOOKED_FOR if name in data)
    texts = (value.values() if isinstance(value, Mapping) else [value] for value in values)
    return tokens_of("\n".join(str(text) for each in texts for text in each))


def line_of(team: int) -> str:
    """The label of records that the list shows to a team if it has one line for each run.

    These are the submission of each run, and records that belong to no run of this team, without
    readings of the log and what programs record of themselves.
    """
    return f"line{team}"


def hashes_in(values: Any) -> Iterator[str]:
    """Every SHA-256 in hexadecimal digits among nested values."""
    if isinstance(values, str):
        if _HASH.fullmatch(values):
            yield values
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from hashes_in(value)
    elif isinstance(values, list):
        for value in values:
            yield from hashes_in(value)


def hashes_of(record: Any, data: Mapping[str, Any] | None) -> set[str]:
    """Every hash of a record: of its bytes, its payload, and those in both."""
    own = [bytes(record.leaf).hex(), *filter(None, [record.personal])]
    return {*own, *hashes_in(record.facts), *hashes_in(data or {})}


OUTCOMES = [with_outcome(status) for status in STATUSES]

# --- Writing --------------------------------------------------------------------------------------


def add(record: Record, data: Mapping[str, Any] | None, teams: Collection[int | None]) -> None:
    """Add a new record, in its transaction; `teams` may see it. See `viewers.show_to`."""
    row = _row(record, data, set(teams), run_team=_team_of_run(record, teams))
    RECORDS.put([row], are_new=True)
    if record.story and record.event in TELLING:
        _tell_outcomes(Record.objects.filter(story=record.story, event=Event.RUN_SUBMITTED))


def forget(records: Iterable[Record]) -> None:
    """Make records unfindable by any text of people, and by hashes of it.

    They are still found by what their facts say. Call it in the transaction that empties their
    payloads, before or after that.
    """
    keys = [record.pk for record in records]
    for start in range(0, len(keys), BATCH):
        found = Record.objects.filter(pk__in=keys[start : start + BATCH]).order_by("pk")
        index_records(found, without_texts=True)


def index_next(records: QuerySet[Any], *, after: int, again: bool = False) -> tuple[int, int]:
    """Index the next 500 of `records` after the key `after`: those not indexed, or `again` all.

    Returns the last key that was read, 0 at the end, and how many records were indexed.
    """
    keys = list(records.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:BATCH])
    wanted = set(keys) if again else RECORDS.lacking(keys)
    found = records.filter(pk__in=wanted).order_by("pk")
    with transaction.atomic():
        index_records(found.select_related("payload"))
        # Their texts may have been erased since they were read. What is erased only now waits for
        # this transaction, because erasing writes the same rows of the index.
        emptied = found.filter(payload__isnull=False, payload__data__isnull=True)
        index_records(emptied, without_texts=True)
    # Runs that were indexed before these records told what became of them.
    told = records.filter(pk__in=wanted, event__in=[str(event) for event in TELLING])
    stories = set(told.values_list("story", flat=True)) - {None}
    heads = records.filter(story__in=stories, event=Event.RUN_SUBMITTED)
    _tell_outcomes(heads.exclude(pk__in=wanted))
    return (keys[-1] if keys else 0), len(wanted)


def index_records(records: QuerySet[Any], *, without_texts: bool = False) -> None:
    """Add records to the index, or replace their rows in it.

    Unless `without_texts`, their `payload` is read. In a migration, `records` are of its models.
    """
    found, model = list(records), records.model
    outcomes = outcomes_of([each for each in found if _is_head(each)], model.objects.all())
    shown = defaultdict[int, set[int | None]](set)
    rows = _rows_of(model, "RecordTeam", record__in=[each.pk for each in found])
    for key, team in rows.values_list("record_id", "team_id"):
        shown[key].add(team)
    named = _rows_of(model, "Team", uuid__in={each.subject_team for each in found} - {None})
    keys = dict(named.values_list("uuid", "pk"))
    RECORDS.put(
        _row(
            record,
            None if without_texts else data_of(record),
            shown[record.pk],
            run_team=keys.get(record.subject_team),
            outcome=outcomes.get(record.story),
        )
        for record in found
    )


def _tell_outcomes(heads: QuerySet[Any]) -> None:
    """Let these runs be found by what has become of them. Their other labels and words stay.

    The payload is not read, so that no prompt returns that is erased at this moment.
    """
    found = {head.story: head.pk for head in heads}
    outcomes = outcomes_of(heads, heads.model.objects.all())
    for story, outcome in outcomes.items():
        RECORDS.relabel(found[story], of=OUTCOMES, to=with_outcome(outcome.status))


def _rows_of(model: Any, name: str, **conditions: Any) -> QuerySet[Any]:
    """Rows of the model `name`, as it is beside `model`."""
    return model._meta.apps.get_model("accounts", name).objects.filter(**conditions)


# --- Steps ----------------------------------------------------------------------------------------


def _row(
    record: Any,
    data: Mapping[str, Any] | None,
    teams: set[int | None],
    *,
    run_team: int | None,
    outcome: "Outcome | None" = None,
) -> IndexedRow:
    data = data or {}
    text = "\n".join(str(data[name]) for name in SEARCHED if data.get(name))
    readers = [WHOLE_LOG, *sorted(team for team in teams if team is not None)]
    labels = [
        *_labels(record, data, outcome),
        *(line_of(team) for team in readers if _is_line(record, team, run_team)),
        *([SHARED] if None in teams else []),
    ]
    return IndexedRow(row=record.pk, teams=readers, text=text, labels=list(dict.fromkeys(labels)))


def _labels(record: Any, data: Mapping[str, Any], outcome: "Outcome | None") -> Iterator[str]:
    facts = record.facts
    yield with_event(record.event)
    if record.event in OF_PROGRAMS:
        yield BY_PROGRAM
    if record.actor_id:
        yield by_person(record.actor_id)
    for value, label in (
        ("engine", with_engine),
        ("campaign", in_campaign),
        ("task_id", with_task),
    ):
        if isinstance(facts.get(value), str) and facts[value]:
            yield label(facts[value])
    if record.subject_kind == "campaign":
        yield in_campaign(str(record.subject_id))
    if record.subject_kind == "image":
        yield about_image(record.subject_id.hex[:SHORTEST_HASH])
    for name in (data.get("file_name"), facts.get("name")):
        if isinstance(name, str) and name:
            yield with_file(name)
    yield from map(looking_for, looked_for(data))
    yield from map(with_hash, hashes_of(record, data))
    if _is_head(record):
        yield with_outcome(outcome.status if outcome else PENDING)
    elif record.event == Event.RUN_REFUSED:
        yield with_outcome(REFUSED)


def _is_head(record: Any) -> bool:
    return record.event == Event.RUN_SUBMITTED and record.story is not None


def _is_line(record: Any, team: int, run_team: int | None) -> bool:
    if record.story is None:
        return record.event not in (*READINGS, *OF_PROGRAMS)
    # Somebody of this team acted on a run of another team, which this team does not see.
    return _is_head(record) or (team != WHOLE_LOG and run_team not in (None, team))


def _team_of_run(record: Record, teams: Collection[int | None]) -> int | None:
    """The team of the run that a new record belongs to."""
    if record.story is None or len(teams) == 1:
        return next(iter(teams), None)
    return (
        Team.objects.filter(uuid=record.subject_team or NOBODY).values_list("pk", flat=True).first()
    )


def data_of(record: Any) -> Mapping[str, Any] | None:
    payload = getattr(record, "payload", None)
    return payload.data if payload else None


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
