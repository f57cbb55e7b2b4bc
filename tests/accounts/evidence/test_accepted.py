"""Damage that an operator accepts: the verification passes over it, and over no other."""

import io
import json
import random
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts import append_only, audit, sealing
from accounts import damage as log_damage
from accounts.events import Event
from accounts.evidence import progress
from accounts.evidence.live import verify_log
from accounts.models import Leaf, Record, Subtree, Verification
from accounts.sealing import witnesses
from tests.accounts.evidence import damage
from tests.accounts.evidence.exports import run
from tests.accounts.evidence.malformed import EVER, MALFORMED_RANGES, VALUES
from tests.accounts.evidence.test_export import export_audit, unpacked

pytestmark = pytest.mark.django_db


def accept():
    call_command("audit_accept_damage", reason="A backup was restored", stdout=io.StringIO())


def is_sound(found):
    return found["integrity"]["ok"] and found["complete"]["ok"]


@pytest.mark.parametrize("kind", damage.DAMAGES, ids=lambda kind: kind.__name__)
def test_any_damage_can_be_accepted_and_sealing_goes_on(kind, sealed_log, write, tmp_path):
    damage.run(kind, random.Random(kind.__name__))
    assert not is_sound(verify_log())
    accept()
    write()
    sealing.seal()
    assert sealing.copy() == {}
    found = verify_log()
    assert is_sound(found), found
    assert log_damage.found() == []
    outside = "--outside", str(witnesses.checkpoint_file())
    for name, arguments in (("log", ()), ("part", ("--from", "4", "--to", "13"))):
        export_audit(tmp_path / f"{name}.zip", *arguments)
        code, found = run(unpacked(tmp_path / f"{name}.zip"), "--all", *outside)
        assert code == 0, (name, found)


def test_the_record_names_damage_range_person_and_reason_and_the_verification_the_range(sealed_log):
    place = damage.run(damage.back_dated_with_its_leaf, random.Random(3))
    accept()
    record = Record.objects.get(event=Event.LOG_DAMAGE_ACCEPTED)
    [(first, last, until)] = record.facts["ranges"]
    assert first <= place <= last
    assert record.facts["damage"]
    assert record.payload.data["reason"] == "A backup was restored"
    assert record.payload.data["os_user"]
    assert verify_log()["accepted"] == [[first, last, until]]


@pytest.mark.parametrize("step", [1, 2000])
def test_the_verification_step_by_step_passes_over_it(sealed_log, write, monkeypatch, step):
    """Also while the checkpoints of what was lost are of a longer log than there is."""
    monkeypatch.setattr(progress, "STEP", step)
    damage.run(damage.end_deleted, random.Random(1))
    accept()
    progress.advance()
    assert (progress.standing().size, progress.standing().trouble) == (Leaf.objects.count(), "")
    later = timezone.now() + timedelta(minutes=16)
    monkeypatch.setattr(progress.timezone, "now", lambda: later)
    assert not progress.standing().late
    assert log_damage.found() == []


def test_what_remains_is_told_with_what_to_do(sealed_log):
    """A file is not mended by a record."""
    witnesses.checkpoint_file().write_text("rubbish\n")
    with pytest.raises(CommandError, match=r"not mended.*The file of checkpoints.*move it away"):
        accept()
    witnesses.checkpoint_file().unlink()
    sealing.seal()
    sealing.copy()
    assert is_sound(verify_log())


def test_a_record_at_a_place_far_beyond_the_end_is_not_filled_up_to(sealed_log, monkeypatch):
    monkeypatch.setattr("accounts.sealing.mending.MOST_LOST", 100)
    last = Leaf.objects.last()
    damage.run(lambda _chance: Leaf.objects.filter(pk=last.pk).update(place=10**12), None)
    with pytest.raises(CommandError, match="place far beyond its end"):
        accept()
    assert not Record.objects.filter(event=Event.LOG_PLACE_LOST).exists()
    damage.run(lambda _chance: Leaf.objects.filter(place=10**12).update(place=last.place), None)
    accept()
    assert is_sound(verify_log())


class TestARecordThatAcceptsEverything:
    """Somebody who cannot sign has put it into the database, in place of another record."""

    def forge(self, place, *, with_leaf):
        record = damage.record_at(place)
        record.event = Event.LOG_DAMAGE_ACCEPTED
        record.facts = {"damage": [], "ranges": [[0, 10**9, ""], [0, 10**9, EVER]]}
        rows = Record.objects.filter(pk=record.pk)
        rows.update(event=record.event, facts=record.facts)
        if with_leaf:
            text = audit.record_bytes(record, actor=str(record.actor.uuid))
            rows.update(leaf=audit.leaf_hash(text))
            Leaf.objects.filter(place=place).update(leaf=audit.leaf_hash(text))

    @pytest.mark.parametrize("with_leaf", [False, True])
    def test_accepts_nothing(self, sealed_log, with_leaf, monkeypatch):
        damage.run(lambda _chance: self.forge(6, with_leaf=with_leaf), None)
        damage.run(lambda _chance: damage.payload_at(3), None)
        assert not is_sound(verify_log())
        assert log_damage.found() != []
        progress.advance()
        assert progress.standing().trouble
        monkeypatch.setattr(progress, "STEP", 1)
        Verification.objects.all().delete()
        progress.advance()
        assert progress.standing().trouble


def sealed_with(write, event, facts):
    """Seal a record with facts of any form, as who writes to the database can. Return its place."""
    record = write()
    record.event, record.facts = event, facts
    leaf = audit.leaf_hash(audit.record_bytes(record, actor=str(record.actor.uuid)))
    rows = Record.objects.filter(pk=record.pk)
    damage.run(lambda _chance: rows.update(event=event, facts=facts, leaf=leaf), None)
    sealing.seal()
    return Leaf.objects.get(record=record.pk).place


MALFORMED = [{"damage": [], "ranges": ranges} for ranges in MALFORMED_RANGES]
MALFORMED += [
    {"damage": [], "ranges": [], "rows": rows} for rows in VALUES if rows not in ([], ["text"])
]


def test_a_sealed_record_with_malformed_ranges_or_rows_is_named_and_accepts_nothing(
    sealed_log, write
):
    damage.run(lambda _chance: damage.payload_at(3), None)
    for facts in (*MALFORMED, *(each for each in VALUES if each is not None)):
        with damage.undone():
            place = sealed_with(write, Event.LOG_DAMAGE_ACCEPTED, facts)
            found = verify_log()
            assert found["integrity"]["first_bad"] == 3
            assert found["accepted"] == found["accepted_rows"] == []
            told = found["integrity"]["told"]
            assert any(f"Record {place}: " in each for each in told), (facts, told)
            assert log_damage.found() != []


class TestWhatComesLaterIsNotAccepted:
    def test_another_change_in_the_accepted_range(self, sealed_log):
        place = damage.run(damage.back_dated_with_its_leaf, random.Random(3))
        accept()
        with append_only.lifted(connection):
            Leaf.objects.filter(place=place).update(leaf=bytes(32))
        assert not is_sound(verify_log())

    def test_another_backup_that_is_restored(self, sealed_log, write):
        damage.run(damage.older_state_restored, random.Random(1))
        accept()
        for _ in range(2):
            write()
            sealing.seal()
            sealing.copy()
        assert is_sound(verify_log())
        damage.run(damage.tail_and_its_checkpoint_deleted, random.Random(1))
        found = verify_log()
        assert not found["complete"]["ok"]
        assert log_damage.found() != []

    def test_a_record_in_place_of_one_that_was_lost(self, sealed_log, write):
        damage.run(damage.older_state_restored, random.Random(1))
        accept()
        for _ in range(8):
            write()
        sealing.seal()
        sealing.copy()
        place = Leaf.objects.count() - 5
        rows = Record.objects.filter(sealed__place=place)
        damage.run(lambda _chance: rows.update(subject_kind="x"), None)
        assert verify_log()["integrity"]["first_bad"] == place


def test_an_older_database_does_not_start_beside_the_file_of_checkpoints(sealed_log):
    damage.run(damage.older_state_restored, random.Random(1))
    [sentence] = log_damage.found()
    assert "older than the file" in sentence
    accept()
    assert log_damage.found() == []


def test_subtrees_are_corrected(sealed_log, write, monkeypatch):
    for _ in range(1024 - Leaf.objects.count()):
        write()
    sealing.seal()
    with append_only.lifted(connection):
        Subtree.objects.update(hash=bytes(32))
    told = verify_log()["integrity"]["told"]
    assert told == ["The stored hash of the records 0 to 1023 is missing or wrong."]
    accept()
    assert is_sound(verify_log())
    assert json.dumps(verify_log()["accepted"]) == "[]"
