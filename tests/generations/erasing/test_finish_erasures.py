"""The command that removes old rows of erased texts from the files of the database."""

import io
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts import scrubbing
from accounts.events import Event
from accounts.models import Record
from generations.erasing import work
from generations.erasing.troubles import SENTENCES
from generations.jobs import heartbeat
from generations.models import Erasure


def waiting():
    """An erasure whose texts are gone, and whose old rows are still in the files."""
    now = timezone.now()
    return Erasure.objects.create(
        scope="run", subject="5" * 32, status="cleaning", emptied_at=now, next_try_at=now
    )


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL locks no whole file")
@pytest.mark.django_db(transaction=True)
class TestOnSQLite:
    def test_a_large_file_is_left_to_the_command(self, monkeypatch):
        monkeypatch.setattr(scrubbing, "LARGEST_AT_ONCE", 1)
        erasure = waiting()
        Erasure.objects.update(reason="asked for by letter")
        with statements() as done:
            work.work()
        erasure.refresh_from_db()
        assert (erasure.status, erasure.trouble) == (Erasure.Status.CLEANING, "database_too_large")
        assert "finish_erasures" in SENTENCES[erasure.trouble]
        assert "VACUUM" not in done
        assert "PRAGMA wal_checkpoint(TRUNCATE)" in done

        call_command("finish_erasures", stdout=io.StringIO())
        erasure.refresh_from_db()
        assert (erasure.status, erasure.trouble, erasure.reason) == (Erasure.Status.DONE, "", "")
        used = Record.objects.get(event=Event.SHELL_USED)
        assert used.facts["command"] == "finish_erasures"
        assert Record.objects.filter(event=Event.ERASURE_FINISHED).count() == 1

    def test_the_command_refuses_while_a_worker_runs(self):
        heartbeat.beat("a worker", "images")
        erasure = waiting()
        with pytest.raises(CommandError, match="Stop the studio first"):
            call_command("finish_erasures")
        erasure.refresh_from_db()
        assert erasure.status == Erasure.Status.CLEANING
        assert not Record.objects.exists()

    def test_the_copy_of_the_database_is_made_on_the_disk_and_not_in_memory(self):
        with statements() as done:
            scrubbing.vacuum_file()
        at = done.index("VACUUM")
        assert (done[at - 1], done[at + 1]) == ("PRAGMA temp_store = FILE", "PRAGMA temp_store = 2")


@contextmanager
def statements():
    """The statements that the block sends to the database."""
    found = []

    def watch(execute, sql, params, many, context):
        found.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield found


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no owner of tables")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("arguments", [[], ["--full"]])
def test_what_waited_for_it_is_done_and_its_use_is_on_record(arguments):
    erasure = waiting()
    call_command("finish_erasures", *arguments, stdout=io.StringIO())
    erasure.refresh_from_db()
    assert (erasure.status, erasure.trouble) == (Erasure.Status.DONE, "")
    used = Record.objects.get(event=Event.SHELL_USED)
    assert used.facts["command"] == "finish_erasures"
    assert Record.objects.filter(event=Event.ERASURE_FINISHED).exists()
