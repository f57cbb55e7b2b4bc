"""Who goes next: limits, fairness, pauses, and only active people."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from generations.jobs import dispatch, provider_health
from generations.models import EngineBlock, Generation, ProviderAccount
from generations.providers.errors import Code, NotSent, Refused
from generations.states import Status
from tests.factories import make_user
from tests.generations.asking import APIXO, ask


@pytest.fixture
def account(db):
    [account] = [row for row in dispatch.accounts_here() if row.provider == "demo"]
    return account


def limit(account, **limits):
    ProviderAccount.objects.filter(pk=account.pk).update(**limits)


def claim_all():
    claimed = []
    while generation := dispatch.claim_next("worker-1"):
        claimed.append(generation)
    return claimed


@pytest.mark.django_db
class TestClaiming:
    def test_a_claimed_row_is_ready_to_be_sent_and_not_yet_sent(self, alice, account):
        ask(alice, num_images=1)
        generation = dispatch.claim_next("worker-1")
        assert (generation.status, generation.claimed_by) == (Status.SUBMITTING, "worker-1")
        assert generation.account == account
        assert generation.submit_token
        assert (generation.attempt, generation.submitted_at) == (1, None)

    def test_nobody_waits(self, account):
        assert dispatch.claim_next("worker-1") is None

    def test_what_is_not_due_yet_waits(self, alice):
        ask(alice, num_images=1)
        Generation.objects.update(next_action_at=timezone.now() + timedelta(minutes=1))
        assert dispatch.claim_next("worker-1") is None

    def test_people_who_are_no_longer_active_wait(self, alice):
        ask(alice, num_images=1)
        alice.is_active = False
        alice.save()
        assert dispatch.claim_next("worker-1") is None

    def test_only_for_accounts_whose_key_this_process_has(self, alice, apixo_key, settings):
        ask(alice, APIXO, 1)
        settings.PROVIDERS = {}
        assert dispatch.claim_next("worker-1") is None

    @pytest.mark.parametrize(("old", "new"), [("one", "two"), ("two", "one")])
    def test_a_new_key_in_a_slot_is_noticed(self, alice, settings, old, new):
        def have(key):
            configured = {"base_url": "https://api.apixo.ai/api/v1", "keys": {1: key}}
            settings.PROVIDERS = {"apixo": configured}

        have(old)
        ask(alice, APIXO, 1)
        [account] = [row for row in dispatch.accounts_here() if row.provider == "apixo"]
        provider_health.note_refusal(account, Refused(code=Code.AUTH))
        assert dispatch.claim_next("worker-1") is None
        have(new)
        assert dispatch.claim_next("worker-1").account == account

    def test_keys_take_turns_by_what_they_have_in_flight(self, alice, settings):
        keys = {1: "one", 2: "two"}
        settings.PROVIDERS = {"apiframe": {"base_url": "https://api.apiframe.ai", "keys": keys}}
        ask(alice, "apiframe/seedream-4-5", 4)
        claimed = [dispatch.claim_next("worker-1") for _ in range(4)]
        assert sorted(row.account.slot for row in claimed) == [1, 1, 2, 2]
        assert claimed[0].account != claimed[1].account

    def test_a_key_is_no_less_free_for_what_has_ended(self, alice, settings):
        keys = {1: "one", 2: "two"}
        settings.PROVIDERS = {"apiframe": {"base_url": "https://api.apiframe.ai", "keys": keys}}
        ask(alice, "apiframe/seedream-4-5", 5)
        claimed = [dispatch.claim_next("worker-1") for _ in range(4)]
        free = next(row.account for row in claimed if row.account != claimed[0].account)
        ended = {"status": Status.SUCCEEDED, "ended_at": timezone.now()}
        Generation.objects.filter(account=free).update(**ended)
        busy = [row for row in claimed if row.account != free]
        Generation.objects.filter(pk=busy[0].pk).update(**ended)
        assert dispatch.claim_next("worker-1").account == free

    def test_a_body_that_was_sent_with_a_key_goes_to_the_same_account_again(self, alice, settings):
        keys = {1: "one", 2: "two"}
        settings.PROVIDERS = {"apixo": {"base_url": "https://api.apixo.ai/api/v1", "keys": keys}}
        ask(alice, APIXO, 1)
        _first, second = [row for row in dispatch.accounts_here() if row.provider == "apixo"]
        Generation.objects.update(account=second, idempotency_key="k", body=b"{}")
        limit(second, paused_until=timezone.now() + timedelta(minutes=1))
        assert dispatch.claim_next("worker-1") is None
        limit(second, paused_until=None)
        assert dispatch.claim_next("worker-1").account == second


@pytest.mark.django_db
class TestLimits:
    def test_no_more_in_flight_than_the_cap(self, alice, account):
        limit(account, concurrency=3)
        ask(alice, num_images=5)
        assert len(claim_all()) == 3

    def test_tasks_that_run_count_against_the_cap_too(self, alice, account):
        limit(account, concurrency=3)
        ask(alice, num_images=5)
        for number in range(2):
            running = {"status": Status.RUNNING, "task_id": f"task-{number}"}
            Generation.objects.filter(pk=dispatch.claim_next("worker-1").pk).update(**running)
        assert len(claim_all()) == 1

    def test_no_more_in_a_minute_than_the_rate(self, alice, account):
        limit(account, per_minute=2)
        ask(alice, num_images=3)
        just_ended = {"status": Status.SUCCEEDED, "submitted_at": timezone.now()}
        for generation in claim_all():
            Generation.objects.filter(pk=generation.pk).update(**just_ended)
        assert dispatch.claim_next("worker-1") is None
        Generation.objects.update(submitted_at=timezone.now() - timedelta(seconds=61))
        assert dispatch.claim_next("worker-1")

    @pytest.mark.parametrize("lowered", ["concurrency", "per_minute"])
    def test_nothing_more_goes_once_a_limit_is_below_what_went_already(
        self, alice, account, lowered
    ):
        ask(alice, num_images=4)
        for _ in range(3):
            dispatch.claim_next("worker-1")
        limit(account, **{lowered: 2})
        assert dispatch.claim_next("worker-1") is None
        limit(account, **{lowered: 4})
        assert dispatch.claim_next("worker-1")

    def test_a_paused_account_takes_nothing(self, alice, account):
        limit(account, paused_until=timezone.now() + timedelta(seconds=30))
        ask(alice, num_images=1)
        assert dispatch.claim_next("worker-1") is None

    def test_no_more_in_flight_than_the_provider_itself_allows(self, alice, account):
        limit(account, concurrency=10, concurrency_at_provider=2)
        ask(alice, num_images=5)
        assert len(claim_all()) == 2

    def test_an_account_that_keeps_failing_rests_and_then_sends_one_probe(self, alice, account):
        for _ in range(provider_health.FAILURES_BEFORE_PAUSE):
            provider_health.note_failure(account, NotSent())
        account.refresh_from_db()
        assert account.paused_until > timezone.now()
        limit(account, paused_until=timezone.now())
        ask(alice, num_images=3)
        assert len(claim_all()) == 1
        provider_health.note_success(account)
        assert len(claim_all()) == 2

    def test_a_blocked_account_takes_nothing_and_then_sends_one_probe(self, alice, account):
        ask(alice, num_images=3)
        provider_health.note_refusal(account, Refused(code=Code.AUTH))
        assert claim_all() == []
        limit(account, paused_until=timezone.now())
        assert len(claim_all()) == 1
        provider_health.note_success(account)
        assert len(claim_all()) == 2

    def test_a_probe_does_not_wait_for_tasks_that_were_accepted_before(self, alice, account):
        ask(alice, num_images=4)
        for generation in claim_all()[:3]:
            accepted = {"status": Status.RUNNING, "task_id": str(generation.pk)}
            Generation.objects.filter(pk=generation.pk).update(**accepted)
        Generation.objects.filter(status=Status.SUBMITTING).update(status=Status.QUEUED)
        limit(account, paused_until=timezone.now())
        assert len(claim_all()) == 1

    def test_work_goes_to_the_key_that_is_not_blocked(self, alice, settings):
        keys = {1: "one", 2: "two"}
        settings.PROVIDERS = {"apixo": {"base_url": "https://api.apixo.ai/api/v1", "keys": keys}}
        ask(alice, APIXO, 1)
        first, second = sorted(
            (row for row in dispatch.accounts_here() if row.provider == "apixo"),
            key=lambda account: account.slot,
        )
        assert provider_health.note_refusal(first, Refused(code=Code.INSUFFICIENT_BALANCE))
        assert [generation.account for generation in claim_all()] == [second]


@pytest.mark.django_db
class TestFairness:
    def test_whoever_has_the_fewest_in_flight_goes_first(self, alice, account):
        greedy, modest = alice, make_user(team=alice.team)
        limit(account, concurrency=4)
        ask(greedy, num_images=6)
        ask(modest, num_images=2)
        assert [row.run.user for row in claim_all()] == [greedy, modest, greedy, modest]

    def test_then_whoever_has_waited_longest(self, alice, bob, account):
        later, earlier = ask(alice, num_images=1), ask(bob, num_images=1)
        an_hour_ago = timezone.now() - timedelta(hours=1)
        Generation.objects.filter(run=earlier).update(created_at=an_hour_ago)
        assert [row.run for row in claim_all()] == [earlier, later]


@pytest.mark.django_db(transaction=True)
def test_the_cap_holds_when_many_workers_claim_at_once():
    ask(make_user(quota=100), num_images=10)
    ask(make_user(quota=100), num_images=10)
    dispatch.accounts_here()
    ProviderAccount.objects.update(concurrency=7)

    def claim(number):
        try:
            return len(_claims(f"worker-{number}"))
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(claim, range(12))) == 7
    assert Generation.objects.in_flight().count() == 7


def _claims(worker):
    claimed = []
    while generation := dispatch.claim_next(worker):
        claimed.append(generation)
    return claimed


@pytest.mark.django_db
def test_a_line_stalls_where_a_key_could_send_and_not_where_the_engine_rests(alice, account):
    run = ask(alice, num_images=1)
    later = timezone.now() + timedelta(minutes=1)
    assert dispatch.stalled("demo", before=later)
    rest = {"account": account, "engine": run.engine, "since": timezone.now(), "until": later}
    block = EngineBlock.objects.create(**rest)
    assert not dispatch.stalled("demo", before=later)
    block.delete()
    limit(account, paused_until=later)
    assert not dispatch.stalled("demo", before=later)
