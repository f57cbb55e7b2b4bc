"""Who may see a record: the teams concerned, as they are when the record is written."""

import json
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import append_only, audit
from accounts.events import Event
from accounts.groups import AUDITORS
from accounts.models import Record, RecordTeam, Tally
from tests import records
from tests.factories import make_user

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


def test_an_act_on_the_whole_studio_is_shown_to_no_team(alice, reviewer):
    record = write(alice, Tally(key="x"))
    assert (teams_of(record), record.actor_team) == (set(), alice.team.uuid)
    auditor, superuser = make_user(groups=[AUDITORS]), make_user(is_superuser=True)
    assert record not in audit.visible_to(reviewer)
    assert all(record in audit.visible_to(reader) for reader in (auditor, superuser))


def test_an_act_of_the_studio_on_a_person_is_shown_to_their_team(alice):
    assert teams_of(write(None, alice)) == {alice.team}


def test_what_concerns_no_team_is_shown_to_those_who_read_the_whole_log(alice, charlie):
    record = write(None, Tally(key="x"))
    auditor, superuser = make_user(groups=[AUDITORS]), make_user(is_superuser=True)
    assert teams_of(record) == set()
    for reader in (alice, charlie):
        assert record not in audit.visible_to(reader)
        assert audit.newest_visible_to(reader, None, size=9) == ([], False)
    for reader in (auditor, superuser):
        assert record in audit.visible_to(reader)
        assert audit.newest_visible_to(reader, None, size=9) == ([record], False)


def test_who_reads_the_whole_log_sees_every_record_once(alice, charlie):
    written = [write(alice, alice), write(charlie, alice), write(None, Tally(key="x"))]
    auditor = make_user(groups=[AUDITORS])
    seen, more = audit.newest_visible_to(auditor, None, size=9)
    assert (seen, more) == (written[::-1], False)
    seen, _more = audit.newest_visible_to(
        auditor, None, size=9, chosen=audit.Chosen(actor=charlie.pk)
    )
    assert seen == [written[1]]


def test_both_teams_are_in_the_record_as_they_were(alice, charlie):
    record = write(charlie, alice)
    there, here = charlie.team.uuid, alice.team.uuid
    assert (record.version, record.actor_team, record.subject_team) == (2, there, here)
    canonical = json.loads(audit.record_bytes(record, actor=str(charlie.uuid)))
    assert canonical["teams"] == {"actor": str(there), "subject": str(here)}
    of_none = write(None, Tally(key="x"))
    assert json.loads(audit.record_bytes(of_none, actor=None))["teams"] == dict.fromkeys(
        ("actor", "subject")
    )


def test_a_record_of_version_1_names_no_teams():
    record = Record(version=1, at=timezone.now(), subject_id=uuid.uuid4(), actor_team=uuid.uuid4())
    assert "teams" not in json.loads(audit.record_bytes(record, actor=None))


def test_a_record_of_a_story_without_an_actor_is_shown_to_the_subjects_team(alice):
    assert teams_of(write(None, alice, story=uuid.uuid4())) == {alice.team}


def test_a_record_of_a_story_that_no_team_would_see_is_refused(alice):
    with pytest.raises(ValueError, match="must belong to a team"):
        write(None, Tally(key="x"), story=uuid.uuid4())
    assert not Record.objects.exists()


def test_a_second_record_is_shown_to_those_who_see_the_first(alice):
    first = records.write(Event.WEBHOOK_FORGED, actor=None, subject=alice, story=uuid.uuid4())
    with transaction.atomic():
        more = audit.recording.record_more(first, {"more": 3, "seconds": 600})
    assert teams_of(more) == teams_of(first)
    assert (more.actor_team, more.subject_team) == (None, first.subject_team)


def test_rows_repeat_what_the_log_is_filtered_by(alice, charlie):
    record = write(alice, charlie)
    for row in RecordTeam.objects.filter(record=record):
        assert (row.at, row.event, row.actor) == (record.at, record.event, record.actor)
        assert not row.team_inferred


@pytest.mark.parametrize("everyone", [False, True])
def test_the_database_gives_no_team_a_record_twice(alice, everyone):
    record = write(None, Tally(key="x"))
    audit.viewers.show_to(record, [None if everyone else alice.team_id])
    row = RecordTeam.objects.get(record=record)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_the_rows_are_guarded_as_records_are():
    assert RecordTeam._meta.db_table in append_only.FROZEN
    assert append_only.damage(connection) == []
