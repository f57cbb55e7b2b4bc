"""Verification step by step: what is new, all of it again each day, and what it finds."""

import random
import uuid
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit, sealing, tasks
from accounts import damage as log_damage
from accounts.events import Event
from accounts.evidence import lines, progress
from accounts.models import EmptiedPayload, Leaf, Record, RecordPayload, Verification
from tests.accounts.evidence import damage
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


def flip(place):
    rows = Record.objects.filter(sealed__place=place)
    damage.run(lambda _chance: rows.update(subject_kind="x"), None)


def erase(record):
    """Empty the payload of a record, on the record."""
    audit.erasing.empty(
        list(RecordPayload.objects.filter(record=record)),
        facts={"erasure": str(record.uuid), "scope": "person"},
        actor=None,
        subject=record.actor,
        story=None,
        reason="a letter",
    )


def test_before_the_first_step_nothing_is_verified(sealed_log):
    assert progress.standing() == progress.Standing(0, None, None, "", None, late=False)


def test_it_follows_the_newest_records_and_reads_each_once(sealed_log, write):
    tasks.verify()
    first = progress.standing()
    assert (first.size, first.trouble, first.late) == (Leaf.objects.count(), "", False)
    assert first.last == first.size - 1
    assert timezone.now() - first.at < timedelta(minutes=1)
    before = queries_of(progress.advance)
    write()
    sealing.seal()
    progress.advance()
    assert progress.standing().size == first.size + 1
    assert queries_of(progress.advance) == before


@pytest.mark.parametrize("step", [1, 5, 2000])
def test_it_does_not_depend_on_the_length_of_a_step(sealed_log, monkeypatch, step):
    monkeypatch.setattr(progress, "STEP", step)
    progress.advance()
    assert progress.standing().size == Leaf.objects.count()


def test_a_changed_record_stops_it_and_it_goes_on_when_that_is_mended(sealed_log, monkeypatch):
    monkeypatch.setattr(progress, "STEP", 1)
    kind = Record.objects.get(sealed__place=7).subject_kind
    flip(7)
    progress.advance()
    found = progress.standing()
    assert (found.size, found.first_bad) == (6, 7)  # 6: the size of the checkpoint before it
    assert found.trouble == "Record 7: its text is not the one of its leaf."
    rows = Record.objects.filter(sealed__place=7)
    damage.run(lambda _chance: rows.update(subject_kind=kind), None)
    progress.advance()
    assert (progress.standing().size, progress.standing().trouble) == (Leaf.objects.count(), "")


def test_a_record_that_is_changed_after_it_was_verified_is_found_a_day_later(sealed_log):
    progress.advance()
    assert progress.standing().whole_at
    flip(3)
    progress.advance()
    assert progress.standing().trouble == ""
    yesterday = timezone.now() - timedelta(days=1, minutes=1)
    Verification.objects.update(began_at=yesterday, whole_at=yesterday)
    progress.advance()
    assert progress.standing().first_bad == 3


def test_a_text_that_is_erased_after_it_was_verified_must_be_on_the_record(sealed_log, write):
    record = write(personal={"after": {"name": "fox"}})
    sealing.seal()
    progress.advance()
    payload = RecordPayload.objects.filter(record=record)
    for is_erased in (False, True):
        with damage.undone():
            if is_erased:
                erase(record)
            else:
                damage.run(lambda _chance: payload.update(salt=None, data=None), None)
            Verification.objects.update(size=0, peaks=[])
            progress.advance()
            assert (progress.standing().trouble == "") == is_erased


def test_no_other_erasures_are_read_than_those_of_the_records_in_question(sealed_log, write):
    def erased():
        record = write(personal={"after": {"name": "fox"}})
        erase(record)
        return str(record.uuid)

    first = erased()
    with CaptureQueriesContext(connection) as alone:
        assert audit.erasing.erased([first, str(uuid.uuid4())]) == {first}
    for _ in range(5):
        erased()
    with CaptureQueriesContext(connection) as among_others:
        assert audit.erasing.erased([first]) == {first}
    assert len(alone) == len(among_others)
    key = Record.objects.get(event=Event.PERSONAL_ERASED, facts__records=[first]).pk
    assert f"IN ({key})" in among_others[-1]["sql"]


def test_erasures_from_before_the_look_up_are_found(sealed_log, write):
    record = write(personal={"after": {"name": "fox"}})
    erase(record)
    EmptiedPayload.objects.all().delete()
    migration = import_module("accounts.migrations.0017_emptied_payloads")
    for _ in range(2):
        migration.fill(apps, SimpleNamespace(connection=connection))
    assert audit.erasing.erased([str(record.uuid)]) == {str(record.uuid)}


def test_a_log_that_becomes_shorter_is_noticed(sealed_log):
    progress.advance()
    damage.run(damage.older_state_restored, random.Random(1))
    progress.advance()
    assert progress.standing().trouble == progress.MISSING


def test_that_it_stands_still_is_noticed(sealed_log, monkeypatch):
    assert not progress.standing().late
    later = timezone.now() + timedelta(minutes=16)
    monkeypatch.setattr(progress.timezone, "now", lambda: later)
    assert progress.standing().late


def test_a_wrong_memory_is_found_and_never_believed(sealed_log):
    Verification.objects.create(name="new", size=5, peaks=[[2, "00" * 32], [0, "11" * 32]])
    progress.advance()
    assert progress.standing().trouble


class TestAtTheStart:
    def test_records_that_nobody_has_verified_are_looked_at(self, sealed_log):
        progress.advance()
        assert log_damage.found() == []
        Verification.objects.update(size=0, peaks=[])
        flip(2)
        assert log_damage.found() == ["Record 2: its text is not the one of its leaf."]

    def test_it_begins_where_the_verification_has_ended(self, sealed_log):
        progress.advance()
        flip(2)
        assert log_damage.found() == []  # the recurring verification finds it

    def test_it_stops_after_two_seconds(self, sealed_log, monkeypatch):
        """Each look at the clock takes a second here."""
        monkeypatch.setattr(lines, "BATCH", 2)
        flip(12)
        seconds = iter(range(1000))
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
        read = []
        sealed = lines.sealed
        monkeypatch.setattr(
            lines,
            "sealed",
            lambda *places, **more: (read.append(1) or line for line in sealed(*places, **more)),
        )
        assert log_damage.found() == []
        assert 1 <= len(read) <= 3
        assert log_damage.SECONDS == 2

    def test_it_writes_nothing(self, sealed_log):
        log_damage.found()
        assert not Verification.objects.exists()
