"""What is erased while another process reads or writes it stays erased."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import scrubbing
from accounts.search import index as search_index
from accounts.search import read_query
from generations.erasing import texts, work
from generations.erasing.order import Order
from generations.models import Erasure, IndexedPrompt, Run
from generations.models.prompt_index import PROMPTS, index_next
from tests.generations.factories import make_finished_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def elsewhere():
    """`elsewhere(act)`: let another thread do it, with a connection of its own."""

    def do(act):
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        yield lambda act: pool.submit(do, act)


def erase_texts(run):
    now = timezone.now()
    erasure = Erasure.objects.create(scope="run", subject=run.uuid, next_try_at=now)
    return texts.erase_next(Order(erasure, run), Run.objects.all(), check=lambda: None)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="VACUUM of SQLite leaves no row")
def test_old_rows_that_a_transaction_elsewhere_still_reads_are_waited_for():
    """Such as a back-up that began before: VACUUM would leave the rows, and say nothing."""
    erased_at = timezone.now() + timedelta(seconds=1)
    reader = connection.copy()
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM generations_run")
        with pytest.raises(scrubbing.NotYet, match="database_busy"):
            scrubbing.scrub(work.tables(), since=erased_at)
        with reader.cursor() as cursor:
            cursor.execute("ROLLBACK")  # the server may notice a mere end of the connection later
    finally:
        reader.close()
    scrubbing.scrub(work.tables(), since=erased_at)


@pytest.mark.parametrize("again", [False, True])
def test_a_prompt_that_is_erased_between_being_read_and_indexed_is_not_found(
    alice, monkeypatch, elsewhere, again
):
    run = make_finished_run(alice, prompt="a red fox")
    if not again:
        IndexedPrompt.objects.all().delete()
    backend, erased = search_index._backend(), []
    put = backend.put

    def put_what_is_erased_now(*args, **kwargs):
        monkeypatch.setattr(backend, "put", put)
        erased.append(elsewhere(lambda: erase_texts(run)))
        # On SQLite it waits for the transaction in which this is called.
        if connection.vendor == "postgresql" or not connection.in_atomic_block:
            erased[0].result()
        put(*args, **kwargs)

    monkeypatch.setattr(backend, "put", put_what_is_erased_now)
    index_next(Run.objects.all(), after=0, again=again)
    assert erased[0].result() == 1
    assert PROMPTS.newest(read_query("fox"), team=alice.team_id, limit=5).rows == []
    assert IndexedPrompt.objects.filter(pk=run.pk).exists()
