"""Who may see a record: the teams concerned, as they are when the record is written."""

import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import append_only, audit
from accounts.events import Event
from accounts.models import Record, RecordTeam, Tally
from tests.factories import make_team

pytestmark = pytest.mark.django_db


def write(actor, subject, **more):
    with transaction.atomic():
        return audit.record(Event.USER_CHANGED, actor=actor, subject=subject, **more)


def teams_of(record):
    return {row.team for row in RecordTeam.objects.filter(record=record).select_related("team")}


def test_an_act_within_a_team_is_shown_to_it_once(alice, bob):
    assert teams_of(write(alice, bob)) == {alice.team}


def test_an_act_on_another_team_is_shown_to_both(alice, charlie):
    assert teams_of(write(charlie, alice)) == {alice.team, charlie.team}
    assert teams_of(write(charlie, alice.team)) == {alice.team, charlie.team}


def test_a_person_who_changes_teams_takes_no_record_along(alice, charlie):
    before, here = write(alice, alice), alice.team
    alice.team = charlie.team
    alice.save()
    assert teams_of(before) == {here}
    assert teams_of(write(alice, alice)) == {charlie.team}


def test_an_act_on_a_subject_without_a_team_is_shown_to_the_actors_team(alice):
    assert teams_of(write(alice, Tally(key="x"))) == {alice.team}


def test_a_record_without_an_actor_is_shown_to_every_team(alice):
    record = write(None, alice)
    assert teams_of(record) == {None}
    later = make_team()
    alice.team = later
    assert record in audit.visible_to(alice)


def test_a_record_of_a_story_without_an_actor_is_shown_to_the_subjects_team(alice):
    assert teams_of(write(None, alice, story=uuid.uuid4())) == {alice.team}


def test_a_record_of_a_story_that_no_team_would_see_is_refused(alice):
    with pytest.raises(ValueError, match="must belong to a team"):
        write(None, Tally(key="x"), story=uuid.uuid4())
    assert not Record.objects.exists()


def test_a_second_record_is_shown_to_those_who_see_the_first(alice):
    first = write(None, alice, story=uuid.uuid4())
    with transaction.atomic():
        more = audit.recording.record_more(first, {"more": 3})
    assert teams_of(more) == teams_of(first)


def test_rows_repeat_what_the_log_is_filtered_by(alice, charlie):
    record = write(alice, charlie)
    for row in RecordTeam.objects.filter(record=record):
        assert (row.at, row.event, row.actor) == (record.at, record.event, record.actor)
        assert not row.team_inferred


@pytest.mark.parametrize("everyone", [False, True])
def test_the_database_gives_no_team_a_record_twice(alice, everyone):
    record = write(None if everyone else alice, alice)
    row = RecordTeam.objects.get(record=record)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_the_rows_are_guarded_as_records_are():
    assert RecordTeam._meta.db_table in append_only.FROZEN
    assert append_only.damage(connection) == []
