"""Queries that workers repeat every few seconds use an index, however many rows there are."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations.jobs import dispatch, line, loads, provider_health, recovery
from generations.jobs.execution import adopting, delivering, polling, preparing
from generations.models import Delivery, Generation, ProviderAccount, Reference
from generations.readiness import backlog
from generations.reading import waits
from generations.states import Status
from tests.factories import make_user
from tests.generations.factories import make_generation, make_image, make_run

pytestmark = pytest.mark.django_db
GROWS = r"(generations_(generation|delivery|run|image|reference|webhookevent)|accounts_user)"

OF_THE_LINE = ("generation_line", "generation_unsent", "generation_queued")
COUNTED_TO_A_LIMIT = "SELECT COUNT(*) FROM (SELECT"


@pytest.fixture
def account():
    user = make_user()
    values = {"key_fingerprint": "x", "concurrency": 1_000, "per_minute": 10_000}
    account = ProviderAccount.objects.create(provider="demo", slot=1, **values)
    for status in Status:
        row = make_generation(make_run(user, open=1), status, account=account)
        make_image(row, files=False)
    return account


def lease(account):
    polling.lease("worker", [account], 10, busy=Counter())


ASKED = {
    "the fairest": lambda account: line.fairest(account, timezone.now(), resting=["demo/x"]),
    "blocks": provider_health.engines_at_rest,
    "load": loads.of,
    "keys": lambda account: loads.of_all_keys(),
    "claim": lambda account: dispatch.claim_next("worker"),
    "anyone waiting": lambda account: dispatch.is_anyone_waiting(),
    "stalled": lambda account: dispatch.stalled("demo", before=timezone.now()),
    "people": lambda account: line.inactive_people(),
    "prices": lambda account: line.prices_waiting(timezone.now()),
    "places": lambda account: waits.places([Generation(provider="demo")]),
    "polls": lease,
    "to fetch": lambda account: list(delivering.to_fetch()[:20]),
    "to label": lambda account: list(delivering.to_label()[:20]),
    "to adopt": lambda account: list(adopting.to_adopt()[:20]),
    "to look up": lambda account: list(adopting.to_look_up()[:20]),
    "to prepare": lambda account: list(preparing.due()[:20]),
    "recovery": lambda account: recovery.recover(),
    "forgotten": lambda account: recovery.free_forgotten("worker-2"),
    "waiting": lambda account: backlog.waiting(),
    "late": lambda account: backlog.late(timezone.now() - timedelta(minutes=2)),
}


@pytest.mark.parametrize("asked", ASKED)
def test_no_table_that_grows_is_read_from_end_to_end(asked, account):
    with CaptureQueriesContext(connection) as queries:
        ASKED[asked](account)
    plans = {query["sql"]: plan_of(query["sql"]) for query in queries if is_planned(query["sql"])}
    assert plans
    assert [(sql, plan) for sql, plan in plans.items() if reads_all(plan)] == []


def test_the_oldest_of_the_idle_is_looked_for_until_it_is_found(account):
    """Without a sort, which would first read all rows among which it may be."""
    with CaptureQueriesContext(connection) as queries:
        line.fairest(account, timezone.now(), resting=[])
    assert not [step for step in plan_of(queries[0]["sql"]) if re.search("TEMP B-TREE|Sort", step)]


def is_planned(sql):
    sql = sql.lstrip()
    return sql.startswith(("SELECT", "UPDATE", "WITH")) and not sql.startswith(COUNTED_TO_A_LIMIT)


def plan_of(sql):
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return [row[3] for row in cursor.fetchall()]
        # A table with so few rows is read from end to end unless that is forbidden.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        return [row[0] for row in cursor.fetchall()]


def reads_all(plan):
    """The steps that read a whole table or the whole line. Other partial indexes stay small."""
    partial = {
        index.name
        for model in (Delivery, Generation, Reference)
        for index in model._meta.indexes
        if index.condition is not None and not index.name.startswith(OF_THE_LINE)
    }
    everything = re.compile(rf"(Seq Scan on |^SCAN ){GROWS}(?! USING INDEX ({'|'.join(partial)})$)")
    return [step for step in plan if everything.search(step)]
