"""The admin's lists in a studio with many generations and entries, filled by SQL.

Seven tenths of the rows belong to the team *Large*, a thousandth to *Small*, the rest to *Others*;
the team *New* has none. Each run has ten generations. No record tells of any of them.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.urls import reverse

from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Allowance, Team, User
from generations.models import Price, ProviderAccount
from tests.bench.browser import Browser
from tests.bench.scale import log_pages, records_v2
from tests.bench.scale.rows import analyse
from tests.factories import make_team, make_user
from tests.generations.asking import DEMO

TEAMS = ("Large", "Small", "Others", "New")
PEOPLE_A_TEAM = 40
TARGET_MS = 30  # of processor time, where `hello` takes `HELLO_MS`


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
    """Fill, measure and print. Returns whether a page missed its target."""
    if not Team.objects.filter(name=TEAMS[0]).exists():
        for table, seconds in fill(size).items():
            print(f"filled {table} in {seconds:.0f} s", flush=True)
    return log_pages.print_all(_lists(), target=TARGET_MS)


def fill(size: int, *, with_records: bool = False) -> dict[str, float]:
    """Make `size` generations and entries; return the seconds that each table took.

    `with_records` adds as many records, which say nothing of those generations.
    """
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
    if with_records:
        records_v2.fill(size, names)
    analyse()
    return seconds


# --- The pages -----------------------------------------------------------------------------------


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
        yield f"admin {path} {query}".strip(), log_pages.page(browser, f"{url}?{query}")
    yield "credits", log_pages.page(browser, reverse("credits"))


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
    values = {"limit": 1, "origin": Allowance.Origin.USER}
    made = Allowance.objects.create(user=root, month=date(2026, 11, 1), **values)
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
