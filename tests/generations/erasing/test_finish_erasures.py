"""The command that removes old rows of erased texts from the files of PostgreSQL."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations.models import Erasure


def waiting():
    """An erasure whose texts are gone, and whose old rows are still in the files."""
    now = timezone.now()
    return Erasure.objects.create(
        scope="run", subject="5" * 32, status="cleaning", emptied_at=now, next_try_at=now
    )


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL needs the command")
@pytest.mark.django_db
def test_on_sqlite_it_says_that_it_is_not_needed_and_changes_nothing():
    erasure = waiting()
    with pytest.raises(CommandError, match="on SQLite the workers do it all"):
        call_command("finish_erasures")
    erasure.refresh_from_db()
    assert erasure.status == Erasure.Status.CLEANING
    assert not Record.objects.exists()


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
