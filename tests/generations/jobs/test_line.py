"""Which row of a line goes next, and what it costs to find it."""

import random
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from generations.jobs import dispatch, line
from generations.models import Generation, Price, ProviderAccount
from generations.states import IN_FLIGHT, Status
from tests.factories import make_team, make_user
from tests.generations.asking import DEMO
from tests.generations.factories import make_generation, make_run
from tests.queries import queries_of

OTHER = "demo/another"
ROWS = 40
# Of one claim, with the savepoint that a test's own transaction adds.
MOST_QUERIES = 15


@pytest.fixture
def accounts(db):
    values = {"key_fingerprint": "x", "concurrency": 1_000, "per_minute": 10_000}
    return [ProviderAccount.objects.create(provider="demo", slot=slot, **values) for slot in (1, 2)]


def make_line(size, people, **values):
    """Put rows in line, for `people` in turn, one second apart."""
    runs = [make_run(person) for person in people]
    price = Price.objects.filter(engine=DEMO).first()
    rows = Generation.objects.bulk_create(
        Generation(
            run=runs[number % len(runs)],
            user=people[number % len(runs)],
            provider="demo",
            price=price,
            position=number % 100,
            wanted=1,
            **values,
        )
        for number in range(size)
    )
    start = timezone.now() - timedelta(hours=2)
    for number, row in enumerate(rows):
        row.created_at = start + timedelta(seconds=number)
    Generation.objects.bulk_update(rows, ["created_at"], batch_size=500)
    return rows


def make_any_line(chance, accounts):
    """Put rows of every kind in line, for a few people."""
    team = make_team()
    people = [make_user(team=team, is_active=chance.random() < 0.8) for _ in range(6)]
    now = timezone.now()
    Price.objects.get_or_create(engine=OTHER, tier="2K", defaults={"credits": 1, "cost_usd": 1})
    runs = [make_run(person, engine=engine) for person in people for engine in (DEMO, OTHER)]
    soon_or_late = [None, None, None, now - timedelta(minutes=1), now + timedelta(minutes=1)]
    for _ in range(ROWS):
        status = chance.choice([Status.QUEUED] * 4 + [Status.RUNNING, Status.SUCCEEDED])
        row = make_generation(
            chance.choice(runs),
            status,
            provider=chance.choice(["demo", "demo", "demo", "apixo"]),
            account=chance.choice(accounts),
            idempotency_key=chance.choice(["", "", "", "key"]),
            next_action_at=chance.choice(soon_or_late),
            preparing_since=chance.choice([None, None, None, now]),
            position=chance.randrange(3),
        )
        made = now - timedelta(seconds=chance.randrange(10))
        Generation.objects.filter(pk=row.pk).update(created_at=made)


def next_by_reading_all(account, now, resting):
    rows = list(Generation.objects.filter(provider=account.provider).select_related("run__user"))
    busy = Counter(row.run.user_id for row in rows if row.status in IN_FLIGHT)
    sendable = [
        row
        for row in rows
        if row.status == Status.QUEUED
        and row.preparing_since is None
        and row.run.user.is_active
        and (row.next_action_at is None or row.next_action_at <= now)
        and (not row.idempotency_key or row.account_id == account.pk)
        and row.run.engine not in resting
    ]
    sendable.sort(key=lambda row: (busy[row.run.user_id], row.created_at, row.position, row.pk))
    return sendable[0].pk if sendable else None


@pytest.mark.django_db
class TestFairness:
    @pytest.mark.parametrize(("read", "short"), [(0, 0), (0, 1_000), (8, 0), (8, 1_000), (8, 25)])
    @pytest.mark.parametrize("seed", range(3))
    def test_each_claim_is_what_reading_the_whole_line_would_choose(
        self, seed, read, short, accounts, monkeypatch
    ):
        monkeypatch.setattr(line, "SHORT", short)
        monkeypatch.setattr(line, "LEAST_READ", read)
        monkeypatch.setattr(line, "READ_FOR_EACH_BUSY", 0)
        chance = random.Random(seed)
        make_any_line(chance, accounts)
        claimed = True
        while claimed:
            account, resting = chance.choice(accounts), chance.choice([[], [], [OTHER]])
            now = timezone.now()
            claimed = line.fairest(account, now, resting=resting)
            assert claimed == next_by_reading_all(account, now, resting)
            Generation.objects.filter(pk=claimed).update(
                status=Status.RUNNING, task_id=str(claimed)
            )

    def test_with_thousands_in_line_people_take_turns(self, accounts):
        greedy, modest, late = people = [make_user() for _ in range(3)]
        make_line(3_000, [greedy])
        make_line(2, [modest])
        Generation.objects.filter(user=modest).update(created_at=timezone.now())
        make_line(2, [late])
        Generation.objects.filter(user=late).update(created_at=timezone.now())
        turns = [dispatch.claim_next("worker").user for _ in range(7)]
        assert turns == [*people, *people, greedy]


@pytest.mark.django_db
class TestWhatIsDue:
    def test_an_engine_at_rest_hides_no_other_engine(self, alice, accounts):
        make_line(5, [alice])
        now = timezone.now()
        assert line.has_due_since(accounts[0], now, resting=[])
        assert not line.has_due_since(accounts[0], now, resting=[DEMO])
        assert not line.has_due_since(accounts[0], now - timedelta(hours=3), resting=[])

    def test_a_row_that_came_back_is_due_at_its_time(self, alice, accounts):
        make_line(1, [alice], next_action_at=timezone.now() + timedelta(minutes=1))
        assert not line.has_due("demo", timezone.now())
        assert line.has_due("demo", timezone.now() + timedelta(minutes=2))


@pytest.mark.django_db
class TestCost:
    def test_a_claim_takes_the_same_queries_for_a_long_line(self, alice, bob, accounts):
        make_line(8, [alice, bob])
        assert [dispatch.claim_next("worker").user for _ in range(2)] == [alice, bob]
        few = queries_of(lambda: dispatch.claim_next("worker"))
        make_line(200, [alice, bob])
        assert queries_of(lambda: dispatch.claim_next("worker")) == few <= MOST_QUERIES

    def test_a_claim_has_read_all_that_a_submit_needs(
        self, alice, accounts, django_assert_num_queries
    ):
        make_line(1, [alice])
        claimed = dispatch.claim_next("worker")
        with django_assert_num_queries(0):
            assert claimed.account in accounts
            assert (claimed.run.team, claimed.price.engine) == (alice.team, DEMO)


@pytest.mark.django_db
def test_a_row_that_another_worker_has_just_claimed_is_left_to_it(alice, accounts, monkeypatch):
    make_line(1, [alice])
    choose = line.fairest

    def chosen_and_then_claimed_elsewhere(*args, **options):
        key = choose(*args, **options)
        claim = {"claimed_by": "another", "submit_token": uuid.uuid4(), "account": accounts[0]}
        Generation.objects.filter(pk=key).update(status=Status.SUBMITTING, **claim)
        return key

    monkeypatch.setattr(line, "fairest", chosen_and_then_claimed_elsewhere)
    assert dispatch.claim_next("worker") is None
    assert Generation.objects.get().claimed_by == "another"


@pytest.mark.django_db(transaction=True)
def test_each_row_is_claimed_once_when_many_workers_claim_at_once():
    """With two keys, because claims for one key wait for each other."""
    make_line(30, [make_user(), make_user(), make_user()])
    values = {"key_fingerprint": "x", "concurrency": 1_000, "per_minute": 10_000}
    keys = [ProviderAccount.objects.create(provider="demo", slot=n, **values).pk for n in (1, 2)]

    def claim(number):
        try:
            rows = iter(lambda: dispatch._claim(keys[number % 2], f"worker-{number}"), None)
            return [row.pk for row in rows]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        claimed = [key for keys in pool.map(claim, range(8)) for key in keys]
    # If two workers choose the same row at the same moment, one of them gets nothing.
    claimed += claim(0)
    assert sorted(claimed) == sorted(Generation.objects.values_list("pk", flat=True))
