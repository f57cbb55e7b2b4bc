"""`verify_audit`: what was changed in the database behind the studio's back is found."""

import io
import json
import random

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection

from accounts import append_only, audit, sealing
from accounts.events import Event
from accounts.evidence import checkpoints, lines, live
from accounts.management.commands import verify_audit
from accounts.models import Checkpoint, Leaf, Record, RecordPayload, Witness
from accounts.sealing import witnesses
from tests.accounts.evidence import damage
from tests.accounts.sealing.test_witnesses import locked  # noqa: F401
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


def verify():
    output = io.StringIO()
    code = 0
    try:
        call_command("verify_audit", "--json", stdout=output)
    except SystemExit as end:
        code = end.code
    found = json.loads(output.getvalue())
    assert (code == 0) == (found["integrity"]["ok"] and found["complete"]["ok"])
    return found


def test_a_sealed_log_is_sound(sealed_log):
    found = verify()
    assert found["integrity"] == {"ok": True, "first_bad": None, "between": None, "told": []}
    assert found["records"] == found["sealed"] == Record.objects.count()
    assert found["proven"] == [0, found["sealed"] - 1]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_it_says_how_far_it_is(sealed_log, monkeypatch):
    monkeypatch.setattr(verify_audit, "EVERY", 0)
    size = Leaf.objects.count()
    screen, output = Terminal(), io.StringIO()
    call_command("verify_audit", stdout=output, stderr=screen)
    assert screen.getvalue().splitlines()[0] == f"verified 1 of {size} records"
    assert f"verified {size} of {size} records" in screen.getvalue()
    assert "verified" not in output.getvalue()
    for options, errors in (([], io.StringIO()), (["--json"], Terminal())):
        call_command("verify_audit", *options, stdout=output, stderr=errors)
        assert errors.getvalue() == ""


def test_it_says_so_every_few_seconds_and_not_at_each_record(sealed_log):
    screen = Terminal()
    call_command("verify_audit", stdout=io.StringIO(), stderr=screen)
    assert screen.getvalue() == ""


def test_a_log_without_records_is_sound(data_dir, db):
    assert verify()["integrity"]["ok"]


def test_records_that_are_not_sealed_yet_are_checked_too(sealed_log, write):
    record = write()
    found = verify()
    assert found["integrity"]["ok"]
    assert found["records"] == found["sealed"] + 1
    rows = Record.objects.filter(pk=record.pk)
    damage.run(lambda _chance: rows.update(subject_kind="run"), None)
    assert "not sealed yet" in verify()["integrity"]["told"][0]


def test_an_emptied_text_is_damage_until_a_record_names_it(sealed_log, write):
    for is_sealed in (False, True):
        record = write(personal={"after": {"name": "fox"}})
        if is_sealed:
            sealing.seal()
        payload = RecordPayload.objects.filter(record=record)
        with damage.undone():
            payload.update(salt=None, data=None)
            assert "none erased it" in told() or "no record erased it" in told()
        facts = {"erasure": str(record.uuid), "scope": "person"}
        about = {"actor": None, "subject": record.actor, "story": None, "reason": "a letter"}
        assert audit.erasing.empty(list(payload), facts=facts, **about) == 1
        assert verify()["integrity"]["ok"]


def told():
    return " ".join(verify()["integrity"]["told"])


def test_any_damage_is_found_and_its_place_is_named(sealed_log):
    for kind in damage.DAMAGES:
        with damage.undone():
            place = damage.run(kind, random.Random(kind.__name__))
            assert damage.is_named(verify(), place), kind.__name__
    assert verify()["integrity"]["ok"]


def test_a_restored_state_is_found_by_the_file_of_checkpoints_alone(sealed_log):
    damage.run(damage.older_state_restored, random.Random(1))
    assert not verify()["complete"]["ok"]
    witnesses.checkpoint_file().unlink()
    assert verify()["complete"]["ok"]


@pytest.mark.parametrize("kind", damage.FILE_DAMAGES, ids=lambda kind: kind.__name__)
def test_a_file_of_checkpoints_that_was_changed_or_removed(kind, sealed_log):
    kind(random.Random(5))
    assert not verify()["integrity"]["ok"]


def test_a_file_that_is_begun_again_is_on_the_record(sealed_log, write):
    copied = Witness.objects.get(name="file").checkpoint
    witnesses.checkpoint_file().unlink()
    write()
    sealing.seal()
    sealing.copy()
    assert Record.objects.get(event=Event.LOG_FILE_BEGUN).facts == {"copied": copied}
    assert verify()["integrity"]["ok"]


class TestTheBucket:
    """The studio may write checkpoints to it; what it may read depends on its key."""

    @pytest.fixture(autouse=True)
    def names(self, sealed_log, monkeypatch):
        names = [f"log/{number:013}-{number}.txt" for number in range(900, 930)]
        monkeypatch.setattr(witnesses, "in_bucket", lambda: names)
        return names

    def test_that_objects_cannot_be_read_is_told(self, monkeypatch):
        def refuse(name):
            raise PermissionError(name)

        monkeypatch.setattr(witnesses, "read_bucket", refuse)
        assert live.verify_log()["unread"] == [witnesses.BUCKET]

    def test_of_many_unknown_objects_the_newest_are_read(self, names, monkeypatch):
        monkeypatch.setattr(checkpoints, "MOST_UNKNOWN", 25)
        monkeypatch.setattr(checkpoints, "NEWEST", 2)
        read, note = set(), Checkpoint.objects.latest("pk").note
        monkeypatch.setattr(witnesses, "read_bucket", lambda name: read.add(name) or note)
        assert live.verify_log()["unread"] == []
        assert read == set(names[-25:])


def test_rows_beside_the_log_are_compared_too(sealed_log, monkeypatch):
    """What an app registers: here, a row that differs from the record at place 4."""
    key = Leaf.objects.get(place=4).record_id
    changed = [live.Changed("The prompt of the run is not what the record says.", key)]
    monkeypatch.setattr(live, "_comparisons", [lambda: changed])
    assert verify()["integrity"] == {
        "ok": False,
        "first_bad": 4,
        "between": None,
        "told": ["The prompt of the run is not what the record says."],
    }


class TestBucket:
    @pytest.fixture(autouse=True)
    def _copied(self, locked, sealed_log):  # noqa: F811
        Witness.objects.update(checkpoint=0, tried_at=None)
        sealing.copy()

    def test_its_checkpoints_are_compared(self):
        assert verify()["unread"] == []
        assert verify()["integrity"]["ok"]
        damage.run(damage.older_state_restored, random.Random(1))
        witnesses.checkpoint_file().unlink()
        assert not verify()["complete"]["ok"]

    def test_a_forged_one_is_found(self):
        folder = witnesses.in_bucket()[0].rpartition("/")[0]
        storages["checkpoints"].save(f"{folder}/0000000000007-77.txt", ContentFile(b"x"))
        assert "in the bucket is damaged" in verify()["integrity"]["told"][0]

    def test_a_bucket_that_may_not_be_read_is_said_and_is_no_damage(self, s3_server):
        with s3_server.refusing("AccessDenied"):
            found = verify()
        assert (found["unread"], found["integrity"]["ok"]) == (["bucket"], True)


def test_a_file_of_checkpoints_of_another_log(sealed_log):
    path = witnesses.checkpoint_file()
    path.write_text(path.read_text().replace("/log/", "/other/"))
    assert not verify()["integrity"]["ok"]
    path.write_bytes(b"\xff\x00")
    assert not verify()["integrity"]["ok"]


def test_a_row_that_cannot_be_read_is_the_bad_one(sealed_log):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL checks the values of a column")
    key = Leaf.objects.get(place=5).record_id
    with append_only.lifted(connection), connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        try:
            damage.change("UPDATE accounts_record SET facts = '{' WHERE id = %s", key)
        finally:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
    assert verify()["integrity"]["first_bad"] == 5


def test_more_records_are_read_with_the_queries_of_few(sealed_log, write, monkeypatch):
    few = queries_of(verify)
    monkeypatch.setattr(lines, "BATCH", 4)
    assert verify()["integrity"]["ok"]
    monkeypatch.undo()
    write()
    sealing.seal()
    assert queries_of(verify) == few
