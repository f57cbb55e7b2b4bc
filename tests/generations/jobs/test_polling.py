"""The poller asks about what is due, and no key takes all of its threads."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from generations.jobs import heartbeat, in_hand
from generations.jobs.execution import polling
from generations.models import Generation, ProviderAccount
from generations.states import Status
from tests.emulator import troubles
from tests.generations.asking import APIXO
from tests.generations.factories import make_generation, make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(apixo):
    return ProviderAccount.objects.create(
        provider="apixo", slot=1, key_fingerprint="f", concurrency=900, per_minute=900
    )


@pytest.fixture
def running(alice, account):
    """`running(count)`: tasks that are due to be asked about."""

    def running(count):
        run = make_run(alice, engine=APIXO, wanted=count, open=count)
        return [
            make_generation(
                run,
                Status.RUNNING,
                account=account,
                claimed_by="",
                next_action_at=timezone.now() - timedelta(seconds=1),
            )
            for _ in range(count)
        ]

    return running


def test_only_so_many_tasks_of_a_key_are_asked_about_at_once(running, account):
    running(polling.MOST_OF_AN_ACCOUNT + 5)
    busy = Counter()
    first = polling.lease("worker", [account], polling.BATCH, busy=busy)
    assert len(first) == polling.MOST_OF_AN_ACCOUNT
    assert polling.lease("worker", [account], polling.BATCH, busy=busy) == []
    busy[account.pk] -= 3
    assert len(polling.lease("worker", [account], polling.BATCH, busy=busy)) == 3


def test_a_task_is_leased_by_one_worker_only(running, account):
    [row] = running(1)
    assert polling.lease("one", [account], 9, busy=Counter()) == [row]
    assert polling.lease("two", [account], 9, busy=Counter()) == []


def test_a_task_made_due_during_its_poll_stays_due(running, account, apixo):
    """A webhook or a cancellation comes while the poller asks."""
    [row] = running(1)
    [leased] = polling.lease("worker", [account], 9, busy=Counter())
    now = timezone.now()
    Generation.objects.filter(pk=row.pk).update(next_action_at=now)
    apixo.script("apixo", "status", troubles.status(503))
    polling.write_down([polling.ask(leased)])
    row.refresh_from_db()
    assert row.next_action_at == now


def test_a_tick_asks_and_schedules_the_next_poll(running, account, apixo):
    [row] = running(1)
    apixo.script("apixo", "status", troubles.status(503))
    before = timezone.now()
    poller = polling.Poller(heartbeat.worker_name())
    poller.tick(0)
    while poller.asking:
        poller.tick(0.05)
    poller.close()
    row.refresh_from_db()
    assert (row.status, row.claimed_by) == (Status.RUNNING, "")
    assert row.next_action_at > before
    assert len(apixo.polls("apixo")) == 1


def test_a_poller_that_ends_has_nothing_in_hand(running, account, apixo):
    running(1)
    apixo.script("apixo", "status", troubles.status(503))
    poller = polling.Poller(heartbeat.worker_name())
    poller._start_asking(1)
    assert in_hand.count(poller.worker) == 1
    poller.close()
    assert in_hand.count(poller.worker) == 0
