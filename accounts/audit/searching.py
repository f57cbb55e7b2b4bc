"""Find records by what they say, newest first, and list all that a search finds.

`Asked` says what is searched for. Words, campaign, engine and outcome are those of a run: a record
of the run is found by them too. All other filters are about a single record.

The index finds candidates. What the reader may see, and the exact times and hashes, are looked up
in the records themselves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.audit import index, viewers
from accounts.audit.index import RECORDS, SHARED, WHOLE_LOG
from accounts.events import Event
from accounts.models import Record, RecordTeam, User
from accounts.search import Found, read_query

# How many candidates are looked up for one page, step by step. Later steps are needed only if few
# of the earlier candidates match.
BATCHES = (32, 256, 1024)
RUNS_AT_ONCE = 8  # if all records of the runs found are listed
MOST_OF_RUNS = 400  # records
CHUNK = 1000
# Keys are only nearly in order of time: transactions commit late, and clocks are set back.
SLACK = 500
TIMES_READ = 200
TIMES = ("since", "until")


@dataclass(frozen=True)
class Asked:
    """What to search for; empty values ask for nothing.

    `person` and `team` are primary keys, `campaign` is an identifier. The time `since` is included,
    `until` is not. `hash` is the beginning of a hash, of at least 8 hexadecimal digits. `file` is a
    file's name, `image` the start of an image's identifier. With `steps`, single records are
    listed, also if they belong to a run; with `programs`, what programs record of themselves.
    """

    words: str = ""
    person: int | None = None
    team: int | None = None
    event: str = ""
    campaign: str = ""
    engine: str = ""
    status: str = ""
    since: datetime | None = None
    until: datetime | None = None
    number: int | None = None
    hash: str = ""
    task: str = ""
    file: str = ""
    image: str = ""
    programs: bool = False
    steps: bool = False

    def as_json(self) -> dict[str, Any]:
        """What is asked for as plain values, which `from_json` reads."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
            if value not in ("", None, False)
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What `as_json` has written."""
        times = {name: datetime.fromisoformat(values[name]) for name in TIMES if name in values}
        return cls(**{**values, **times})

    @property
    def is_filtered(self) -> bool:
        """Whether anything is left out of the list."""
        values = (getattr(self, field.name) for field in fields(self) if field.name != "steps")
        return any(value not in ("", None, False) for value in values)

    @property
    def lists_records(self) -> bool:
        """Whether single records are listed, not one line for each run."""
        names_one = self.event or self.hash or self.task or self.file or self.image
        return self.steps or self.programs or bool(names_one) or self.number is not None

    @property
    def is_of_runs(self) -> bool:
        """Whether a filter is about runs."""
        return bool(self.words or self.campaign or self.engine or self.status)


@dataclass(frozen=True)
class Listed:
    """Records, newest first. The records older than the key `rest` have not been searched yet.

    `rest` is None if all have been. With `is_cut`, the runs found have more records than these.
    """

    records: list[Record]
    rest: int | None = None
    is_cut: bool = False


def newest(reader: User, asked: Asked, *, before: int | None = None, size: int) -> Listed:
    """Return at most `size` records that `reader` may see and `asked` matches.

    With `before`, only those older than that key. The search stops after some hundred candidates,
    even if it has found nothing. To go on, call it again with `rest` as `before`. For a list of
    single records by event, person, team and time only, use `viewers.newest_visible_to`.
    """
    if asked.words and not read_query(asked.words).words:
        return Listed([])
    if asked.number is not None:
        return Listed(list(keep(_visible(reader, asked).filter(pk=asked.number), asked)))
    bounds = _bounds(asked)
    if bounds is None:
        return Listed([])
    since, until = bounds
    before = RECORDS.end(min(until, before) if before and until else before or until)
    if asked.lists_records and asked.is_of_runs and not _names_few(asked):
        return _of_runs(reader, asked, before=before, since=since)
    found: list[Record] = []
    for limit in BATCHES:
        step = _candidates(reader, asked, before=before, since=since, limit=limit)
        candidates = _visible(reader, asked).filter(pk__in=step.rows)
        found += keep(candidates.order_by("-pk"), asked)
        if len(found) > size:
            return Listed(found[:size], found[size - 1].pk)
        before = step.rest
        if before is None or len(step.rows) < limit:
            break
    return Listed(found, before)


def keys(reader: User, asked: Asked, *, after: int = 0, size: int = CHUNK) -> Iterator[list[int]]:
    """Yield the keys of all records that `reader` may see and `asked` matches, in order.

    They come in lists of `size` at most, some of them empty. Only keys above `after` are read, so
    that a stopped listing can go on. If the list has one line for each run, these are all records
    of the runs that are found.
    """
    for found in _chunks(reader, asked, after=after, size=size):
        yield [record.pk for record in found]


def _chunks(reader: User, asked: Asked, *, after: int, size: int) -> Iterator[list[Record]]:
    """What `asked` matches among each `size` records that `reader` may see."""
    visible = _visible(reader, asked)
    bounds = _bounds(asked)
    if bounds is None:
        return
    after = max(after, bounds[0] - 1)
    while chunk := list(visible.filter(pk__gt=after).order_by("pk")[:size]):
        yield list(keep(chunk, asked))
        after = chunk[-1].pk


def keep(records: Iterable[Record], asked: Asked) -> Iterator[Record]:
    """Yield those of `records` that `asked` matches. Whether a reader may see them is not asked."""
    rows = list(records)
    heads = _heads(rows)
    both = {row.pk: row for row in (*rows, *heads.values())}
    found = _of_matching_runs(both, asked)
    for row in rows:
        head = heads.get(row.story) if row.story else None
        of_run = row.pk in found or (head is not None and head.pk in found)
        if asked.lists_records:
            if of_run and _fits(row, asked):
                yield row
        elif (row.pk in found and _fits(row, asked)) or (
            head is not None and head.pk in found and _fits(head, asked)
        ):
            yield row


# --- Candidates -----------------------------------------------------------------------------------


def _candidates(reader: User, asked: Asked, *, before: int | None, since: int, limit: int) -> Found:
    """The newest rows of the index that may match."""
    words = "" if _names_few(asked) else asked.words
    labels = list(_labels_of_record(asked))
    if not asked.lists_records:
        labels += _labels_of_run(asked)
        if not words:  # With words, steps of runs are candidates too: people wrote in some.
            labels.append(index.line_of(_scope(reader, asked)))
    return _search(reader, asked, words, labels, before=before, since=since, limit=limit)


def _search(
    reader: User,
    asked: Asked,
    words: str,
    labels: Sequence[str],
    *,
    before: int | None,
    since: int,
    limit: int,
) -> Found:
    scope = _scope(reader, asked)
    scopes = [(scope, list(labels))]
    if scope != WHOLE_LOG:
        lines = {index.line_of(scope): index.line_of(WHOLE_LOG)}
        scopes.append((WHOLE_LOG, [SHARED, *(lines.get(label, label) for label in labels)]))
    found = [
        RECORDS.newest(
            read_query(words), team=team, labels=names, before=before, since=since, limit=limit
        )
        for team, names in scopes
    ]
    return _together(found, limit)


def _together(found: Sequence[Found], limit: int) -> Found:
    """Join several searches into one. It goes back only as far as all of them have read."""
    rest = max((each.rest for each in found if each.rest is not None), default=None)
    rows = sorted({row for each in found for row in each.rows}, reverse=True)
    rows = [row for row in rows if rest is None or row >= rest]
    if len(rows) > limit:
        return Found(rows[:limit], rows[limit - 1])
    return Found(rows, rest)


def _of_runs(reader: User, asked: Asked, *, before: int | None, since: int) -> Listed:
    """Single records of the runs that are found, run after run."""
    limit = BATCHES[0] if asked.event else RUNS_AT_ONCE
    labels = list(_labels_of_run(asked))
    if not asked.words:
        labels.append(index.line_of(_scope(reader, asked)))
    step = _search(reader, asked, asked.words, labels, before=before, since=0, limit=limit)
    found = list(_visible(reader, asked).filter(pk__in=step.rows))
    stories = [row.story for row in found if row.story and row.event == Event.RUN_SUBMITTED]
    # The key of a step is above that of its run, so `since` bounds the steps only.
    wanted = Q(pk__in=step.rows) | Q(story__in=stories)
    rows = _visible(reader, asked).filter(wanted, pk__gte=since).order_by("-pk")
    if asked.event:
        rows = rows.filter(event=asked.event)
    if asked.person is not None:
        rows = rows.filter(actor_id=asked.person)
    listed = list(keep(rows[: MOST_OF_RUNS + 1], asked))
    return Listed(listed[:MOST_OF_RUNS], step.rest, len(listed) > MOST_OF_RUNS)


def _names_few(asked: Asked) -> bool:
    """Whether a filter is one that few records match, so that it finds them soonest."""
    return bool(asked.hash or asked.task or asked.file or asked.image)


def _labels_of_record(asked: Asked) -> Iterator[str]:
    if asked.person is not None:
        yield index.by_person(asked.person)
    if asked.programs:
        yield index.BY_PROGRAM
    for value, label in (
        (asked.event, index.with_event),
        (asked.hash, index.with_hash),
        (asked.task, index.with_task),
        (asked.file, index.with_file),
        (asked.image, index.about_image),
    ):
        if value:
            yield label(value)


def _labels_of_run(asked: Asked) -> Iterator[str]:
    for value, label in (
        (asked.campaign, index.in_campaign),
        (asked.engine, index.with_engine),
        (asked.status, index.with_outcome),
    ):
        if value:
            yield label(value)


def _scope(reader: User, asked: Asked) -> int:
    """The team whose records are searched."""
    if viewers.reads_whole_log(reader):
        return asked.team or WHOLE_LOG
    return reader.team_id


def _bounds(asked: Asked) -> tuple[int, int | None] | None:
    """The keys between which the records of the time asked for are. None if there are none."""
    since, until = 0, None
    if asked.since:
        later = Record.objects.filter(at__gte=asked.since).order_by("at", "pk")
        keys = list(later.values_list("pk", flat=True)[:TIMES_READ])
        if not keys:
            return None
        since = max(0, min(keys) - SLACK)
    if asked.until:
        earlier = Record.objects.filter(at__lt=asked.until).order_by("-at", "-pk")
        keys = list(earlier.values_list("pk", flat=True)[:TIMES_READ])
        if not keys:
            return None
        until = max(keys) + SLACK
    return since, until


# --- What matches ---------------------------------------------------------------------------------


def _visible(reader: User, asked: Asked) -> QuerySet[Record]:
    records = viewers.visible_to(reader)
    if viewers.reads_whole_log(reader) and asked.team is not None:
        rows = RecordTeam.objects.filter(team_id=asked.team).values("record_id")
        records = records.filter(pk__in=rows)
    return records.select_related("actor", "payload")


def _heads(rows: Iterable[Record]) -> dict[UUID, Record]:
    """The submission of each run that `rows` belong to, by story."""
    stories = {row.story for row in rows if row.story}
    found = {row.story: row for row in rows if row.story and row.event == Event.RUN_SUBMITTED}
    missing = list(stories - found.keys())
    if missing:
        heads = Record.objects.filter(story__in=missing, event=Event.RUN_SUBMITTED)
        found |= {row.story: row for row in heads.select_related("payload") if row.story}
    return found


def _of_matching_runs(rows: dict[int, Record], asked: Asked) -> set[int]:
    """The keys of `rows` that the filters about runs match."""
    if not asked.is_of_runs:
        return set(rows)
    labels = list(_labels_of_run(asked))
    query = read_query(asked.words)
    found = RECORDS.matching(list(rows), query, team=WHOLE_LOG, labels=labels)
    # What has been erased is not found, even if the index still has it.
    return {key for key in found if not asked.words or index.data_of(rows[key])}


def _fits(row: Record, asked: Asked) -> bool:
    """Whether the filters about single records match."""
    facts: dict[str, Any] = row.facts
    return (
        (asked.person is None or row.actor_id == asked.person)
        and (not asked.event or row.event == asked.event)
        and (not asked.programs or row.event in index.OF_PROGRAMS)
        and (asked.since is None or row.at >= asked.since)
        and (asked.until is None or row.at < asked.until)
        and (asked.number is None or row.pk == asked.number)
        and (not asked.task or facts.get("task_id") == asked.task)
        and (not asked.image or row.subject_id.hex.startswith(asked.image))
        and (not asked.hash or _has_hash(row, asked.hash))
        and (not asked.file or _names_file(row, asked.file))
    )


def _has_hash(row: Record, start: str) -> bool:
    return any(each.startswith(start) for each in index.hashes_of(row, index.data_of(row)))


def _names_file(row: Record, name: str) -> bool:
    data = index.data_of(row) or {}
    names = (data.get("file_name"), row.facts.get("name"))
    return name.casefold() in {str(each).casefold() for each in names if each}
