"""Who sees which record: the table of teams, and how that of older records is filled."""

import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Q

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
from tests.records import facts_of, write

pytestmark = pytest.mark.django_db

fill = importlib.import_module("generations.migrations.0011_teams_of_old_records").fill


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
    tallies.note(
        Event.WEBHOOK_FORGED, address="192.0.2.1", facts=facts_of(Event.WEBHOOK_FORGED), **about
    )
    failed = Event.USER_SIGN_IN_FAILED
    tallies.note(failed, address="192.0.2.1", facts=facts_of(failed))
    with transaction.atomic():
        invitations.add_person(
            email=f"new-{person.email}", name="", team=person.team, groups=[], actor=None
        )


def by_the_teams_named(reader):
    """The records that name the reader's team, as the actor's or as the subject's.

    Without a team of the subject, a record is of the whole studio.
    """
    team, of_teams = reader.team.uuid, Record.objects.filter(subject_team__isnull=False)
    return set(of_teams.filter(Q(actor_team=team) | Q(subject_team=team)))


def test_readers_see_what_concerns_their_team_and_acts_between_teams(readers, between_teams):
    for reader in readers:
        assert set(audit.visible_to(reader)) == by_the_teams_named(reader)
    alice, charlie, newcomer = readers
    assert set(between_teams) <= set(audit.visible_to(alice))
    assert set(between_teams) <= set(audit.visible_to(charlie))
    assert not set(between_teams) & set(audit.visible_to(newcomer))


def test_rows_of_a_reader_name_each_visible_record_once(readers, between_teams):
    for reader in readers:
        listed, _more = audit.newest_visible_to(reader, None, size=1_000)
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

    These are the rows that they had, without the actors' teams of stories of another team, and
    one row for every team in place of those of the studio's own acts that belong to no story. What
    a person did to the whole studio was shown to that person's team.
    """
    runs = dict(Run.objects.values_list("uuid", "team_id"))
    records = {each.pk: each for each in Record.objects.select_related("actor")}
    of_actors = {
        (pk, each.actor.team_id, each.at, each.event, each.actor_id)
        for pk, each in records.items()
        if each.actor and each.subject_team is None
    }
    of_everyone = {pk for pk, each in records.items() if not (each.actor_id or each.story)}
    written = {
        (pk, team, *rest)
        for pk, team, *rest in rows()
        if pk not in of_everyone and team == runs.get(records[pk].story, team)
    }
    make_old()
    for pk in of_everyone:
        written.add((pk, None, records[pk].at, records[pk].event, None))
    return written | of_actors


def make_old():
    """Make all records as they were before the table existed."""
    connection.check_constraints()
    with append_only.lifted(connection):
        Record.objects.update(version=1, actor_team=None, subject_team=None)
        RecordTeam.objects.all().delete()


def test_older_records_get_the_rows_that_are_certain(older_than_the_table):
    fill_in()
    assert rows() == older_than_the_table
    assert not RecordTeam.objects.filter(team_inferred=False).exists()


def test_whoever_changes_teams_takes_no_older_story_along(alice, readers, between_teams):
    _alice, charlie, _newcomer = readers
    run = ask(alice)
    make_old()
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
