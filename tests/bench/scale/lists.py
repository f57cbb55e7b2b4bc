"""The log and the admin's lists in a studio with many records, filled by SQL.

Seven tenths of the rows belong to the team *Large*, a thousandth to *Small*, the rest to *Others*;
the team *New* has none. Each run has ten records and ten generations. Every team sees every
hundredth record. There are as many generations and entries as records. Every tenth record is that
of a submitted run, and has a payload with the prompt.
"""

import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.urls import reverse

from accounts.audit.index import index_next
from accounts.events import Event
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Allowance, Record, RecordTeam, Team, User
from generations.models import Price, ProviderAccount
from tests.bench.browser import Browser
from tests.bench.scale import export, records_v2, seal
from tests.factories import make_team, make_user
from tests.generations.asking import DEMO

TEAMS = ("Large", "Small", "Others", "New")
PEOPLE_A_TEAM = 40
ROUNDS = 30
TARGET_MS = 30  # at p50


@dataclass(frozen=True)
class Measured:
    """One page: wall time in milliseconds at p50 and p95, and the number of queries."""

    page: str
    p50: float
    p95: float
    queries: int


@dataclass(frozen=True)
class _Dialect:
    identifier: str
    moment: str
    json: str
    bytes: str
    true: str


FACTS = {
    "engine": DEMO,
    "images": 4,
    "delivered": 4,
    "credits": 8,
    "credits_spent": 8,
    "credits_released": 0,
    "attempt": 1,
    "task_id": "task-1",
    "width": 2496,
    "height": 1664,
    "format": "JPEG",
    "original_sha256": "ab" * 32,
    "recipe": "full",
    "options": {"aspect_ratio": "3:2", "resolution": "2K"},
    "references": [],
}
DIALECTS = {
    "postgresql": _Dialect(
        identifier="md5({}::text)::uuid",
        moment="to_timestamp(1760000000 + {})",
        json="%(facts)s::jsonb",
        bytes="decode(repeat('00', 32), 'hex')",
        true="true",
    ),
    "sqlite": _Dialect(
        identifier="scale_uuid({})",
        moment="datetime(1760000000 + {}, 'unixepoch')",
        json="%(facts)s",
        bytes="zeroblob(32)",
        true="1",
    ),
}


def main(size: int) -> bool:
    """Fill, measure and print. Returns whether a page or the seal missed its target."""
    if not Team.objects.filter(name=TEAMS[0]).exists():
        for table, seconds in fill(size).items():
            print(f"filled {table} in {seconds:.0f} s", flush=True)
        started = time.perf_counter()
        _index()
        print(f"indexed the log in {time.perf_counter() - started:.0f} s", flush=True)
    missed = seal.measure()
    missed |= export.measure()
    print(f"{connection.vendor}: {'page':<58}{'p50 ms':>9}{'p95 ms':>9}{'queries':>9}")
    for figures in measure():
        missed |= figures.p50 > TARGET_MS
        print(
            f"{figures.page:<70}{figures.p50:>9.1f}{figures.p95:>9.1f}{figures.queries:>9}",
            flush=True,
        )
    return missed


def fill(size: int) -> dict[str, float]:
    """Make `size` records, generations and entries; return the seconds that each table took."""
    _teach_sqlite(connection)
    names = _people_and_prices() | {"facts": json.dumps(FACTS)}
    seconds = {}
    for table, sql in STATEMENTS.items():
        started = time.perf_counter()
        rows = size // 10 if table == "runs" else size
        with transaction.atomic():
            _trust_the_keys()
            _execute(sql, names | {"size": rows})
        seconds[table] = time.perf_counter() - started
    started = time.perf_counter()
    records_v2.fill(size, names)
    seconds["records"] = time.perf_counter() - started
    if connection.vendor == "postgresql":  # else PostgreSQL does so only after a minute
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return seconds


def _index() -> None:
    at, _ = index_next(Record.objects.all(), after=0)
    while at:
        at, _ = index_next(Record.objects.all(), after=at)


def measure() -> Iterator[Measured]:
    """Measure each page of the log for a large, a small and a new team, and each admin list."""
    for name, call in itertools.chain(_log(), _lists()):
        yield _measured(name, call)


# --- The pages -----------------------------------------------------------------------------------


def _log() -> Iterator[tuple[str, Callable[[], None]]]:
    for name in ("Large", "Small", "New"):
        team = Team.objects.get(name=name)
        reader = team.members.order_by("pk")[0]
        person = team.members.order_by("pk")[4]
        browser = Browser(reader)
        for what, query in _asked(team, person):
            yield f"log, {name}, {what}", _page(browser, f"{reverse('log')}?{urlencode(query)}")
        for run in team.runs.order_by("-pk")[:1]:
            yield f"story, {name}", _page(browser, reverse("story", args=[run.uuid]))


def _asked(team: Team, person: User) -> Iterator[tuple[str, dict[str, str]]]:
    common, rare = Event.GENERATION_SUCCEEDED, Event.ORIGINAL_DOWNLOADED
    both = {"person": str(person.uuid), "event": str(Event.IMAGE_DOWNLOADED)}
    yield "runs, first page", {}
    middle = Record.objects.order_by("pk").values_list("pk", flat=True).last() // 2
    yield "runs, deep page", {"before": str(middle)}
    yield "runs by person", {"person": str(person.uuid)}
    yield "a word of all prompts", {"q": "ridges"}
    yield "a word of a thousandth", {"q": "fox"}
    yield "the word of one prompt", {"q": f"number{middle // 10 * 10 + 1}"}
    yield "a word of no prompt", {"q": "unicorn"}
    yield "two words, never together", {"q": "fox owl"}
    yield "a common word, by person", {"q": "ridges", "person": str(person.uuid)}
    yield "a common word, by rare event", {"q": "ridges", "event": str(rare)}
    yield "a word of a thousandth, by event", {"q": "fox", "event": str(common)}
    yield "runs of a week", {"from": "2025-10-10", "to": "2025-10-16"}
    yield "failed runs", {"status": "failed"}
    yield "a hash of many", {"hash": "ab" * 32}
    yield "a hash of none", {"hash": "cd" * 32}
    yield "first page", {"steps": "1"}
    if deep := nine_tenths_down(team):
        yield "deep page", {"before": deep, "steps": "1"}
        yield "deep page by event", {"before": deep, "event": str(common)}
    yield "by event", {"event": str(common)}
    yield "by rare event", {"event": str(rare)}
    yield "by event of none", {"event": str(Event.LEDGER_DRIFTED)}
    yield "by person", {"person": both["person"], "steps": "1"}
    yield "by both", both
    yield "by both, rare", both | {"event": str(rare)}


def nine_tenths_down(team: Team) -> str:
    rows = RecordTeam.objects.filter(team=team).order_by("record_id")
    row = rows[rows.count() // 10 :].select_related("record").first()
    return str(row.record.uuid) if row else ""


def _lists() -> Iterator[tuple[str, Callable[[], None]]]:
    browser = Browser(User.objects.get(email="root@scale.example"))
    fal = ProviderAccount.objects.get(provider="fal")
    for path, query in (
        ("generations_generation", ""),
        ("generations_generation", "p=20"),
        ("generations_generation", "id__lt=100000"),
        ("generations_generation", "status__exact=unknown"),
        ("generations_generation", "status__exact=failed"),
        ("generations_generation", "status__exact=cancelled"),
        ("generations_generation", f"account__id__exact={fal.pk}"),
        ("generations_generation", "error_code__exact=timeout"),
        ("generations_generation", "q=task-77"),
        ("generations_generation", "q=nothing"),
        ("generations_generation", f"q={_scattered(77)}"),
        ("generations_price", ""),
        ("generations_provideraccount", ""),
        ("accounts_entry", ""),
        ("accounts_entry", "kind__exact=write_off"),
        ("accounts_entry", "q=large"),
        ("accounts_allowance", ""),
        ("accounts_user", ""),
        ("accounts_team", ""),
    ):
        url = reverse(f"admin:{path}_changelist")
        yield f"admin {path} {query}".strip(), _page(browser, f"{url}?{query}")
    yield "credits", _page(browser, reverse("credits"))


def _page(browser: Browser, url: str) -> Callable[[], None]:
    def get() -> None:
        browser.get(url)
        assert browser.status.startswith("200"), (url, browser.status)

    return get


def _measured(name: str, call: Callable[[], None]) -> Measured:
    call()
    taken, asked = [], []

    def noted(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(noted):
        call()
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return Measured(
        name, statistics.median(taken), statistics.quantiles(taken, n=20)[18], len(asked)
    )


# --- The rows ------------------------------------------------------------------------------------


def _people_and_prices() -> dict[str, Any]:
    """Make people and prices; return their keys by the names that the statements use."""
    keys: dict[str, Any] = {}
    groups = (ADMINS, MEMBERS, REVIEWERS)
    for name in TEAMS:
        team = make_team(name=name)
        reader = make_user(email=f"{name.lower()}@scale.example", team=team, groups=groups)
        User.objects.bulk_create(
            User(email=f"{name.lower()}{n}@scale.example", team=team)
            for n in range(1, PEOPLE_A_TEAM)
        )
        keys |= {name.lower(): team.pk, f"{name.lower()}_person": reader.pk}
    root = make_user(email="root@scale.example", team=team, is_superuser=True, is_staff=True)
    keys |= {"price": Price.objects.filter(engine=DEMO)[0].pk, "demo": 0, "fal": 0}
    for provider in ("demo", "fal"):
        row, _ = ProviderAccount.objects.get_or_create(
            provider=provider, slot=1, defaults={"concurrency": 1, "per_minute": 1}
        )
        keys[provider] = row.pk
    made = Allowance.objects.create(user=root, month=date(2026, 11, 1), limit=1)
    return keys | {"allowance": made.pk}


TEAM_OF_RUN = (
    "CASE WHEN {n} % 10 < 7 THEN %(large)s WHEN {n} % 1000 = 8 THEN %(small)s ELSE %(others)s END"
)
PERSON_OF_RUN = (
    "CASE WHEN {n} % 10 < 7 THEN %(large_person)s WHEN {n} % 1000 = 8 THEN %(small_person)s "
    f"ELSE %(others_person)s END + ({{n}} / 10) %% {PEOPLE_A_TEAM}"
)
SERIES = (
    "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < %(size)s) "
)
STATEMENTS = {
    "runs": (
        "INSERT INTO generations_run (uuid, user_id, team_id, engine, prompt, options, "
        "idempotency_key, content_digest, work_digest, wanted, delivered, open, unknown, "
        "cancelled, created_at) {series} "
        "SELECT {uuid:-n}, {person:n}, {team:n}, 'demo/seedream-4-5', 'ridges at dawn', {json}, "
        "{uuid:-n}, '', '', 1, 1, 0, 0, 0, {moment:n * 10} FROM series"
    ),
    "generations": (
        "INSERT INTO generations_generation (uuid, run_id, provider, account_id, price_id, status, "
        "position, wanted, delivered, attempt, idempotency_key, claimed_by, task_id, task_urls, "
        "request_id, model, error_code, error_raw_code, error_message, created_at, ended_at, "
        "came_late, unknown_at) {series} "
        "SELECT {uuid:n}, (SELECT MIN(id) FROM generations_run) + (n - 1) / 10, "
        "CASE WHEN n %% 5003 = 1 THEN 'fal' ELSE 'demo' END, "
        "CASE WHEN n %% 5003 = 1 THEN %(fal)s ELSE %(demo)s END, %(price)s, "
        "CASE WHEN n %% 50021 = 2 THEN 'unknown' WHEN n %% 25 = 3 THEN 'failed' "
        "ELSE 'succeeded' END, 0, 1, 1, 1, '', '', 'task-' || n, {json}, '', '', "
        "CASE WHEN n %% 1000 = 3 THEN 'timeout' WHEN n %% 25 = 3 THEN 'refused' ELSE '' END, '', "
        "'', {moment:n}, {moment:n}, {false}, NULL FROM series"
    ),
    "entries": (
        "INSERT INTO accounts_entry (allowance_id, kind, amount, generation, reason, created_at) "
        "{series} SELECT %(allowance)s, CASE WHEN n %% 100003 = 1 THEN 'write_off' "
        "ELSE 'reserve' END, 1, {uuid:n}, '', {moment:n} FROM series"
    ),
}


class _Expression:
    """`{name:expression}` in a statement: `template` with the expression in it."""

    def __init__(self, template: str) -> None:
        self.template = template

    def __format__(self, expression: str) -> str:
        return self.template.format(f"({expression})", n=f"({expression})")


def _execute(sql: str, names: dict[str, Any]) -> None:
    dialect = DIALECTS[connection.vendor]
    statement = sql.format(
        series=SERIES,
        uuid=_Expression(dialect.identifier),
        moment=_Expression(dialect.moment),
        team=_Expression(TEAM_OF_RUN.replace(" % ", " %% ")),
        person=_Expression(PERSON_OF_RUN.replace(" % ", " %% ")),
        json=dialect.json,
        leaf=dialect.bytes,
        false=f"NOT {dialect.true}",
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, names)


def _trust_the_keys() -> None:
    """Check no foreign keys for the rest of the transaction, which saves time."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")


def _teach_sqlite(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.create_function("scale_uuid", 1, _scattered, deterministic=True)


def _scattered(number: int) -> str:
    """The same UUID for the same number, far from the UUID of the next number."""
    return f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"
