"""Fills the studio with runs of several teams, which are copies of a few that it has made itself.

Seven tenths of the runs belong to the team *Large*, a thousandth to *Small*, the rest to *Others*;
the team *New* has none. One in 25 has failed. Of one in 997, somebody downloaded the original. All
that the log says of them is sealed and verified like any other.
"""

import datetime as dt
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.db.models import Max, Model
from django.urls import reverse

from accounts import append_only
from accounts.audit.index import RECORDS
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import (
    Allowance,
    Entry,
    Record,
    RecordPayload,
    RecordTeam,
    Unsealed,
    User,
)
from generations.jobs.execution import delivering, polling
from generations.models import Delivery, Generation, Image, Rendition, Run
from generations.states import OPEN
from tests.bench.browser import Browser
from tests.bench.scale import log_copies
from tests.bench.scale.log_copies import Original, Owner
from tests.bench.scale.rows import analyse, execute, on_postgresql
from tests.factories import make_team, make_user
from tests.generations.asking import DEMO, ask, submit_all

TEAMS = ("Large", "Small", "Others", "New")
PEOPLE_A_TEAM = 40
BATCH = 1000  # runs
BEGIN = dt.datetime(2025, 10, 9, 8, 53, 20, tzinfo=dt.UTC)
APART = dt.timedelta(seconds=30)
FAILED, RARE = 25, 997
# Seconds within which the demo engine must have ended a run.
LONGEST = 60


def fill(records: int) -> dict[str, float]:
    """Write at least so many records, and their runs. Returns the seconds that each step took."""
    seconds, started = {}, time.perf_counter()
    originals = _originals()
    seconds["originals"] = time.perf_counter() - started
    started = time.perf_counter()
    models = dict.fromkeys(type(row) for each in originals.values() for row in each.rows)
    tables = [RECORDS.table, *(model._meta.db_table for model in models)]
    with append_only.lifted(connection), without_indexes(tables):
        _copy(records, originals, _owners(), list(models))
        seconds["copies"] = time.perf_counter() - started
        started = time.perf_counter()
    seconds["index"] = time.perf_counter() - started
    analyse()
    return seconds


def prompt(number: int) -> str:
    """Words that all prompts have, one that a thousandth of them has, and one of its own."""
    return f"ridges at dawn {'fox' if number % 1000 == 1 else 'owl'} number{number}"


# --- Originals -----------------------------------------------------------------------------------


def _originals() -> dict[str, Original]:
    """Runs made by the studio itself, by what happened to them."""
    groups = (ADMINS, MEMBERS, REVIEWERS)
    for name in TEAMS:
        team = make_team(name=name)
        values = {"team": team, "quota": 10**6}
        make_user(email=f"{name.lower()}@scale.example", groups=groups, **values)
        User.objects.bulk_create(
            User(email=f"{name.lower()}{number}@scale.example", team=team)
            for number in range(1, PEOPLE_A_TEAM)
        )
    author = User.objects.get(email="large@scale.example")
    author.user_permissions.add(Permission.objects.get(codename="download_original"))
    return {
        # Each has five words, like `prompt`.
        "usual": _original(author, "usual", "quinces in a bowl usual"),
        "failed": _original(author, "failed", "quinces in bowl [demo: fails]"),
        "rare": _original(author, "rare", "quinces in a bowl rare", see_original=True),
    }


def _original(author: User, name: str, words: str, *, see_original: bool = False) -> Original:
    first = Record.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    run = ask(author, DEMO, 1, prompt=words)
    submit_all()
    generation = run.generations.get()
    ends = time.monotonic() + LONGEST
    while generation.status in OPEN and time.monotonic() < ends:
        polling.write_down([polling.ask(generation)])
        for key in Delivery.objects.filter(generation=generation).values_list("pk", flat=True):
            delivering.label_and_store(key, "worker")
        generation.refresh_from_db()
        time.sleep(0.05)
    browser = Browser(author)
    for image in run.images.all():
        browser.get(reverse("image-download", args=[image.uuid]))
        if see_original:
            browser.post(reverse("image-original", args=[image.uuid]), {"reason": "a complaint"})
    run.refresh_from_db()
    return Original(name, run, [*_rows(run, first)])


def _rows(run: Run, first: int) -> Iterator[Model]:
    yield run
    yield from Generation.objects.filter(run=run)
    yield from Delivery.objects.filter(generation__run=run)
    yield from Image.objects.filter(run=run)
    yield from Rendition.objects.filter(image__run=run)
    generations = Generation.objects.filter(run=run).values("uuid")
    yield from Entry.objects.filter(generation__in=generations).order_by("pk")
    new = Record.objects.filter(pk__gt=first).exclude(event="allowance:opened").order_by("pk")
    records = list(new.select_related("actor"))
    yield from records
    yield from RecordTeam.objects.filter(record__in=records).order_by("pk")
    yield from RecordPayload.objects.filter(record__in=records).select_related("record")
    yield from Unsealed.objects.filter(record__in=records).order_by("pk")


# --- Copies --------------------------------------------------------------------------------------


def _owners() -> dict[str, list[Owner]]:
    """The people of each team, each with an allowance."""
    months = set(Allowance.objects.values_list("month", flat=True))
    people = User.objects.filter(email__endswith="@scale.example").select_related("team")
    for person in people.order_by("pk"):
        values = {"user": person, "month": min(months)}
        Allowance.objects.get_or_create(**values, defaults={"origin": Allowance.Origin.USER})
    found = defaultdict[str, list[Owner]](list)
    for each in Allowance.objects.filter(user__in=people).order_by("user").select_related():
        if each.user:
            found[each.user.team.name].append(Owner(each.user, each.user.team, each))
    return found


def _copy(
    records: int,
    originals: dict[str, Original],
    owners: dict[str, list[Owner]],
    models: Sequence[type[Model]],
) -> None:
    chance, number = random.Random(9), 0
    last = {
        model: model._default_manager.aggregate(last=Max("pk"))["last"] or 0 for model in models
    }
    while last[Record] < records:
        batch = defaultdict[str, list[log_copies.Names]](list)
        for _ in range(BATCH):
            if last[Record] < records:
                number += 1
                kind, owner, at = _kind(number), _owner(number, owners), BEGIN + number * APART
                names = originals[kind].names(owner, at, prompt(number), last=last, chance=chance)
                batch[kind].append(names)
        with transaction.atomic():
            if on_postgresql():
                execute("SET LOCAL session_replication_role = replica")
            for kind, names_of_copies in batch.items():
                originals[kind].write(names_of_copies)
    _set_sequences(last)


def _kind(number: int) -> str:
    if number % RARE == 0:
        return "rare"
    return "failed" if number % FAILED == 3 else "usual"


def _owner(number: int, owners: dict[str, list[Owner]]) -> Owner:
    team = "Large" if number % 10 < 7 else "Small" if number % 1000 == 8 else "Others"
    return owners[team][number // 10 % PEOPLE_A_TEAM]


def _set_sequences(last: dict[type[Model], int]) -> None:
    """SQLite does so by itself."""
    for model, key in last.items():
        if on_postgresql() and model._meta.pk and not model._meta.pk.is_relation:
            table = model._meta.db_table
            execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {key})")


@contextmanager
def without_indexes(tables: Sequence[str]) -> Iterator[None]:
    """Drop indexes for the block. PostgreSQL builds one much faster than it adds row by row."""
    if not on_postgresql():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES, [list(tables)])
        indexes = cursor.fetchall()
    for name, _definition in indexes:
        execute(f"DROP INDEX {name}")
    try:
        yield
    finally:
        with transaction.atomic():
            execute("SET LOCAL maintenance_work_mem = '512MB'")
            for _name, definition in indexes:
                execute(definition)


_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = ANY(%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
