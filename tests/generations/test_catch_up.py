"""What an older version made while it still ran after an upgrade is completed."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import append_only, sealing
from accounts.events import Event
from accounts.models import IndexedRecord, Leaf, Record, RecordTeam, Unsealed
from generations import tasks
from generations.catch_up import catch_up
from generations.models import Run
from generations.models.prompt_index import IndexedPrompt
from tests.generations.factories import make_run
from tests.queries import plans_of
from tests.records import write

pytestmark = pytest.mark.django_db
SAID = (
    "Teams added to records: {}. Runs added to search: {}. Records added to search: {}. "
    "Records that will be sealed: {}.\n"
)


@pytest.fixture
def by_an_older_version(alice):
    """A record without a team and seal, and a run without words, as the older version writes."""
    run = make_run(alice)
    record = write(Event.RUN_SUBMITTED, actor=alice, subject=run, story=run.uuid)
    connection.check_constraints()
    with append_only.lifted(connection):
        Record.objects.update(version=1)
        RecordTeam.objects.all().delete()
    Unsealed.objects.all().delete()
    IndexedPrompt.objects.all().delete()
    IndexedRecord.objects.all().delete()
    return record, run


def is_complete(record, run):
    return (
        list(record.teams.values_list("team", flat=True)) == [run.team_id],
        IndexedPrompt.objects.filter(pk=run.pk).exists(),
        IndexedRecord.objects.filter(pk=record.pk).exists(),
        Unsealed.objects.filter(pk=record.pk).exists(),
    )


def test_the_command_completes_both_and_says_so(by_an_older_version, capsys):
    call_command("catch_up")

    assert is_complete(*by_an_older_version) == (True, True, True, True)
    assert capsys.readouterr().out == SAID.format(1, 1, 1, 1)
    call_command("catch_up")
    assert capsys.readouterr().out == SAID.format(0, 0, 0, 0)


def test_so_does_the_task_of_each_night(by_an_older_version):
    tasks.complete_rows_of_older_versions()

    assert is_complete(*by_an_older_version) == (True, True, True, True)


def test_what_is_older_than_asked_is_not_read(by_an_older_version):
    assert catch_up(timezone.now()) == (0, 0, 0, 0)
    assert is_complete(*by_an_older_version) == (False, False, False, False)


def test_a_record_that_is_sealed_is_not_sealed_again(by_an_older_version, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    call_command("catch_up")
    sealing.seal()
    sealed = Leaf.objects.count()

    call_command("catch_up")
    assert sealing.seal() == 1  # the record of the command
    assert Leaf.objects.count() == sealed + 1 == Record.objects.count()


@pytest.mark.parametrize("model", [Record, Run])
def test_the_start_is_found_without_a_sort(by_an_older_version, model):
    since = timezone.now() - timedelta(days=1)
    plan, *_ = plans_of(lambda: catch_up(since), model._meta.db_table)
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
