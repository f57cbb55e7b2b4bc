"""Who sees which record: the table of teams, compared with the rule that it replaced."""

import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from accounts import append_only, audit, invitations, ledger
from accounts.audit import tallies
from accounts.events import Event
from accounts.models import Record, RecordTeam, User
from generations import catch_up, submission
from generations.models import ProviderAccount, Run
from tests.factories import make_team, make_user
from tests.generations.asking import ask, upload
from tests.generations.factories import (
    image_file,
    make_finished_run,
    make_generation,
    make_reference,
)

pytestmark = pytest.mark.django_db

fill = importlib.import_module("generations.migrations.0011_teams_of_old_records").fill


def write(event, *, actor, subject, **more):
    with transaction.atomic():
        return audit.record(event, actor=actor, subject=subject, **more)


@pytest.fixture
def readers(alice, charlie):
    """One reader of each of two active teams, and one of a new team."""
    return [alice, charlie, make_user(team=make_team())]


@pytest.fixture
def between_teams(readers, bob):
    """Acts of all kinds in both teams. Returns those of one team on an object of the other."""
    alice, charlie, _newcomer = readers
    account = ProviderAccount.objects.create(provider="demo", slot=9, concurrency=1, per_minute=1)
    for person in (alice, charlie):
        _work_of(person, account)
    ledger.set_limit(bob, 700, actor=alice, reason="")
    run, person = ask(alice), {"actor": charlie}
    generation = make_generation(run)
    return [
        write(Event.ALLOWANCE_TOPPED_UP, subject=alice, **person),
        write(Event.ADMIN_CHANGED, subject=alice.team, **person),
        write(Event.GENERATION_DECIDED, subject=generation, story=run.uuid, **person),
        write(Event.RECORD_READ, subject=run, story=run.uuid, **person),
    ]


def _work_of(person, account):
    run = ask(person, references=[upload(image_file())])
    submission.cancel(run.generations.all()[0], actor=person)
    made = make_finished_run(person)
    image, generation = made.images.get(), made.generations.get()
    reference = make_reference(person)
    write(Event.IMAGE_STORED, actor=None, subject=image, story=made.uuid)
    write(Event.ORIGINAL_DOWNLOADED, actor=person, subject=image, story=made.uuid)
    write(Event.REFERENCE_CLEANED, actor=None, subject=reference)
    write(Event.LEDGER_DRIFTED, actor=None, subject=person)
    write(Event.PROVIDER_ALERTED, actor=None, subject=account)
    write(Event.ADMIN_CHANGED, actor=person, subject=account)
    write(Event.USER_SIGNED_IN, actor=person, subject=person)
    about = {"subject": generation, "story": made.uuid}
    tallies.note(Event.WEBHOOK_FORGED, address="192.0.2.1", **about)
    tallies.note(Event.USER_SIGN_IN_FAILED, address="192.0.2.1")
    with transaction.atomic():
        invitations.add_person(
            email=f"new-{person.email}", name="", team=person.team, groups=[], actor=None
        )


def by_the_old_rule(reader):
    """A story belongs to its run's team; any other record to its actor's team, or to everyone."""
    runs = Run.objects.filter(uuid=OuterRef("story"), team_id=reader.team_id)
    own = Q(story__isnull=True) & (Q(actor__team_id=reader.team_id) | Q(actor__isnull=True))
    return set(Record.objects.filter(own | Exists(runs)))


def test_readers_see_what_they_saw_before_and_acts_between_teams(readers, between_teams):
    for reader in readers:
        seen = set(audit.visible_to(reader))
        before = by_the_old_rule(reader)
        assert before <= seen
        assert seen - before <= set(between_teams)
    alice, charlie, newcomer = readers
    assert set(between_teams) <= set(audit.visible_to(alice))
    assert set(between_teams) <= set(audit.visible_to(charlie))
    assert not set(between_teams) & set(audit.visible_to(newcomer))


def test_rows_of_a_reader_name_each_visible_record_once(readers, between_teams):
    for reader in readers:
        own, shared = audit.rows_visible_to(reader)
        listed = [row.record for row in [*own, *shared]]
        assert len(listed) == len(set(listed))
        assert set(listed) == set(audit.visible_to(reader))


def rows():
    columns = ("record_id", "team_id", "at", "event", "actor_id")
    return set(RecordTeam.objects.values_list(*columns))


def fill_in():
    fill(apps, SimpleNamespace(connection=connection))


@pytest.fixture
def older_than_the_table(between_teams):
    """The records as they were before the table existed. Returns the rows that they are to get.

    These are the rows that they had, without the actors' teams of stories of another team.
    """
    runs = dict(Run.objects.values_list("uuid", "team_id"))
    stories = dict(Record.objects.values_list("pk", "story"))
    written = {row for row in rows() if stories[row[0]] is None or row[1] == runs[stories[row[0]]]}
    connection.check_constraints()
    with append_only.lifted(connection):
        RecordTeam.objects.all().delete()
    return written


def test_older_records_get_the_rows_that_are_certain(older_than_the_table):
    fill_in()
    assert rows() == older_than_the_table
    assert not RecordTeam.objects.filter(team_inferred=False).exists()


def test_whoever_changes_teams_takes_no_older_story_along(alice, readers, between_teams):
    _alice, charlie, _newcomer = readers
    run = ask(alice)
    connection.check_constraints()
    with append_only.lifted(connection):
        RecordTeam.objects.all().delete()
    User.objects.filter(pk=alice.pk).update(team=charlie.team)
    fill_in()
    story = Record.objects.filter(story=run.uuid)
    assert story.exists()
    assert not audit.visible_to(charlie).filter(pk__in=story).exists()


def test_filling_goes_on_where_it_stopped(older_than_the_table, alice, monkeypatch):
    new = write(Event.USER_SIGNED_IN, actor=alice, subject=alice)
    monkeypatch.setattr(catch_up, "STEP", 7)
    fill_in()
    fill_in()
    expected = older_than_the_table | set(
        RecordTeam.objects.filter(record=new).values_list(
            "record_id", "team_id", "at", "event", "actor_id"
        )
    )
    assert rows() == expected
    assert RecordTeam.objects.count() == len(expected)
    assert not RecordTeam.objects.get(record=new).team_inferred
