"""Checkpoints outside the database: in a file and in a bucket, and what is noticed there."""

import errno
import fcntl
import io
import os
import stat
from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.utils import timezone

from accounts import sealing
from accounts.models import Checkpoint, Witness
from accounts.sealing import keys, witnesses
from seedream_site.file_storages import checkpoint_storages
from tests.accounts.sealing.test_sealer import change

pytestmark = pytest.mark.django_db


@pytest.fixture
def seal(write):
    """`seal()`: a new record is sealed; returns the note of the checkpoint."""

    def seal():
        write()
        sealing.seal()
        return Checkpoint.objects.latest("pk").note

    return seal


class TestFile:
    def test_gets_every_checkpoint_once(self, seal, checkpoints):
        notes = [seal(), seal()]
        assert sealing.copy() == {}
        notes.append(seal())
        for _ in range(2):
            assert sealing.copy() == {}
        assert checkpoints() == notes
        assert stat.S_IMODE(witnesses.checkpoint_file().stat().st_mode) == 0o600

    def test_is_named_by_the_setting_or_after_the_log(self, seal, settings, tmp_path):
        seal()
        name = keys.origin().replace("/", "_")
        assert witnesses.checkpoint_file() == tmp_path / "checkpoints" / f"{name}.txt"
        settings.LOG_CHECKPOINT_FILE = str(tmp_path / "elsewhere" / "log.txt")
        sealing.copy()
        assert (tmp_path / "elsewhere" / "log.txt").exists()

    def test_catches_up_in_bounded_steps(self, seal, checkpoints, monkeypatch):
        monkeypatch.setattr(witnesses, "MOST_AT_ONCE", 2)
        notes = [seal() for _ in range(3)]
        sealing.copy()
        assert checkpoints() == notes[:2]
        sealing.copy()
        assert checkpoints() == notes

    def test_a_disk_that_is_full_leaves_it_whole_and_it_is_caught_up(
        self, seal, checkpoints, monkeypatch
    ):
        notes = [seal()]
        sealing.copy()
        notes.append(seal())

        def full(handle):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            assert sealing.copy() == {"file": "file_unwritable"}
        assert checkpoints() == notes[:1]
        assert Checkpoint.objects.count() == 2
        assert Witness.objects.get().trouble == "file_unwritable"
        assert sealing.copy() == {}
        assert checkpoints() == notes
        assert Witness.objects.get().trouble == ""

    def test_a_note_that_a_crash_left_half_written_is_written_again(self, seal, checkpoints):
        notes = [seal()]
        sealing.copy()
        path = witnesses.checkpoint_file()
        for half in (5, 80):
            notes.append(seal())
            with path.open("a") as file:
                file.write(notes[-1][:half])
            sealing.copy()
            assert checkpoints() == notes

    def test_a_first_note_that_was_half_written_is_written_again(self, seal, checkpoints):
        note = seal()
        path = witnesses.checkpoint_file()
        path.parent.mkdir()
        path.write_text(note[:90])
        sealing.copy()
        assert checkpoints() == [note]

    @pytest.mark.parametrize("text", ["somebody's notes\n", "x" * 20_000, "x\n---\n", "---\n"])
    def test_what_is_not_the_studios_is_not_touched(self, seal, text):
        seal()
        path = witnesses.checkpoint_file()
        path.parent.mkdir()
        path.write_text(text)
        assert sealing.copy() == {"file": "file_damaged"}
        assert path.read_text() == text

    def test_a_folder_in_its_place(self, seal, caplog):
        seal()
        witnesses.checkpoint_file().mkdir(parents=True)
        for _ in range(2):
            assert sealing.copy() == {"file": "file_unwritable"}
        assert caplog.text.count("Checkpoints are not copied to the file") == 1

    def test_another_process_that_writes_is_left_alone(self, seal, checkpoints):
        first = seal()
        sealing.copy()
        second = seal()
        with witnesses.checkpoint_file().open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            assert sealing.copy() == {}
            assert checkpoints() == [first]
        sealing.copy()
        assert checkpoints() == [first, second]

    def test_a_log_whose_end_was_cut_off_is_noticed(self, seal, checkpoints):
        first, second = seal(), seal()
        sealing.copy()
        for sql in (
            "DELETE FROM accounts_leaf WHERE place >= 2",
            "DELETE FROM accounts_checkpoint WHERE size > 2",
        ):
            change(sql)
        seal()
        assert sealing.copy() == {"file": "file_differs"}
        seal()
        seal()  # the log is longer than before, but not the same
        assert sealing.copy() == {"file": "file_differs"}
        assert len(checkpoints()) == 2
        assert sealing.copy(after_damage=True) == {}
        accepted = Checkpoint.objects.latest("pk").note
        after = seal()
        assert sealing.copy() == {}
        assert checkpoints() == [first, second, accepted, after]

    def test_the_command_says_so(self, seal):
        seal()
        witnesses.checkpoint_file().mkdir(parents=True)
        error = io.StringIO()
        call_command("seal_audit", stdout=io.StringIO(), stderr=error)
        assert "LOG_CHECKPOINT_FILE can't be written" in error.getvalue()


@pytest.fixture
def locked(s3_server, settings, monkeypatch):
    """An empty bucket with object lock, for checkpoints: a client and its name."""
    client, name = s3_server.client(), f"log-{timezone.now().timestamp()}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.key["id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.key["secret"])
    url = f"s3://{name}/proof?endpoint={s3_server.url}&days=30"
    settings.STORAGES = {**settings.STORAGES, **checkpoint_storages(url)}
    return client, name


def an_hour_passes():
    Witness.objects.update(tried_at=timezone.now() - timedelta(hours=1))


class TestBucket:
    def objects(self, locked):
        client, name = locked
        found = client.list_objects_v2(Bucket=name).get("Contents", [])
        return {
            each["Key"]: client.get_object(Bucket=name, Key=each["Key"])["Body"].read().decode()
            for each in found
        }

    def test_gets_the_newest_checkpoint_at_most_once_a_minute(self, seal, locked):
        notes = [seal(), seal()]
        assert sealing.copy() == {}
        assert list(self.objects(locked).values()) == [notes[1]]
        notes.append(seal())
        sealing.copy()
        assert len(self.objects(locked)) == 1
        an_hour_passes()
        sealing.copy()
        assert list(self.objects(locked).values()) == notes[1:]
        assert next(iter(self.objects(locked))).startswith(f"proof/{keys.origin()}/0000000000003-")

    def test_nobody_can_delete_it(self, seal, locked):
        seal()
        sealing.copy()
        client, name = locked
        [key] = self.objects(locked)
        kept = client.head_object(Bucket=name, Key=key)
        assert kept["ObjectLockMode"] == "COMPLIANCE"
        until = kept["ObjectLockRetainUntilDate"] - timezone.now()
        assert timedelta(days=29) < until < timedelta(days=31)

    def test_while_it_is_away_the_file_goes_on_and_it_is_caught_up(
        self, seal, locked, s3_server, checkpoints
    ):
        notes = [seal()]
        with s3_server.refusing("AccessDenied"):
            assert sealing.copy() == {"bucket": "bucket_away"}
        assert checkpoints() == notes
        assert self.objects(locked) == {}
        an_hour_passes()
        assert sealing.copy() == {}
        assert list(self.objects(locked).values()) == notes

    def test_a_clock_that_is_set_back_does_not_stop_it(self, seal, locked):
        seal()
        sealing.copy()
        Witness.objects.update(tried_at=timezone.now() + timedelta(days=1))
        seal()
        sealing.copy()
        assert len(self.objects(locked)) == 2

    def test_waits_for_an_answer_for_a_bounded_time(self, locked):
        config = storages["checkpoints"].client_config
        assert (config.connect_timeout, config.read_timeout) == (3, 5)
