"""The keys of the log: made once, kept private, rotated on the record."""

import io
import stat
import threading
from base64 import b64encode

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import sealing
from accounts.events import Event
from accounts.models import Checkpoint, LogKey, Record, SealState, Studio
from accounts.sealing import keys, notes

pytestmark = pytest.mark.django_db
SEED, OTHER = b64encode(b"s" * 32).decode(), b64encode(b"t" * 32).decode()


def key_files(data_dir):
    return sorted((data_dir / "keys").glob("*.key"))


def stops(code):
    with pytest.raises(sealing.Stopped) as stopped:
        sealing.seal()
    return (stopped.value.code, SealState.objects.get().trouble) == (code, code)


@pytest.fixture
def sealed(write):
    """A log that is sealed, and a record that waits."""
    write()
    sealing.seal()
    write()
    return Checkpoint.objects.get()


class TestFirstKey:
    def test_is_made_on_first_need_for_its_owner_alone(self, write, data_dir):
        write()
        assert not (data_dir / "keys").exists()
        sealing.seal()
        [path] = key_files(data_dir)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path.name == f"log-{keys.newest().id.hex()}.key"

    def test_is_named_after_the_studio_for_ever(self, sealed, settings):
        studio = Studio.objects.get()
        assert keys.newest().name == f"seedream-studio/log/{studio.uuid}"
        settings.PUBLIC_HOST = "studio.example"
        sealing.seal()
        assert keys.origin() == f"seedream-studio/log/{studio.uuid}"

    def test_a_studio_with_a_public_host_is_named_after_it(self, write, settings):
        settings.PUBLIC_HOST = "studio.example"
        write()
        sealing.seal()
        assert keys.origin() == f"studio.example/log/{Studio.objects.get().uuid}"

    def test_of_the_setting_is_written_nowhere(self, write, settings, data_dir):
        settings.LOG_SIGNING_KEY = SEED
        write()
        sealing.seal()
        assert keys.newest() == notes.Signer(keys.origin(), b"s" * 32).public
        assert key_files(data_dir) == []

    def test_a_folder_that_cannot_be_written(self, write, data_dir):
        (data_dir / "keys").write_text("in the way")
        write()
        assert stops("key_unwritable")
        assert not LogKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_several_processes_one_makes_the_key(write, data_dir):
    write()
    gate = threading.Barrier(3)

    def begin():
        try:
            gate.wait(30)
            keys.signers()
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(key_files(data_dir)) == LogKey.objects.count() == 1
    assert Record.objects.filter(event=Event.LOG_SEALING_BEGAN).count() == 1
    assert keys.signers()[0].public == keys.newest()


class TestTroubles:
    """Sealing stands still, with a sentence, and goes on when it is mended."""

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (None, "key_missing"),
            ("", "key_damaged"),
            ("not base64!", "key_damaged"),
            ("AAAA", "key_damaged"),
            (OTHER, "key_damaged"),
            ("A" * 10_000, "key_damaged"),
        ],
    )
    def test_a_file_that_is_gone_or_damaged(self, sealed, data_dir, content, code):
        [path] = key_files(data_dir)
        kept = path.read_text()
        path.unlink()
        if content is not None:
            path.write_text(content)
        assert stops(code)
        path.write_text(kept)
        assert sealing.seal() == 1
        assert SealState.objects.get().trouble == ""

    def test_a_file_that_cannot_be_read(self, sealed, data_dir):
        [path] = key_files(data_dir)
        path.unlink()
        path.mkdir()
        assert stops("key_damaged")

    @pytest.mark.parametrize(
        ("value", "code"), [(OTHER, "key_other"), ("x", "key_malformed"), ("AAAA", "key_malformed")]
    )
    def test_a_setting_that_does_not_fit(self, sealed, settings, value, code):
        settings.LOG_SIGNING_KEY = value
        assert stops(code)

    def test_every_code_has_a_sentence_and_an_unknown_one_too(self):
        assert all(sealing.sentence(code) for code in [*sealing.troubles.TROUBLES, "of tomorrow"])


class TestRotation:
    def rotate(self):
        out = io.StringIO()
        call_command("rotate_log_key", stdout=out)
        return notes.read_key(out.getvalue().strip())

    def test_is_recorded_and_keeps_the_old_public_key(self, sealed):
        old = keys.newest()
        new = self.rotate()
        assert keys.public_keys() == [old, new]
        facts = Record.objects.get(event=Event.LOG_KEY_ROTATED).facts
        assert (facts["old"], facts["new"]) == (old.id.hex(), new.vkey)

    def test_both_keys_sign_the_first_checkpoint_and_the_new_one_those_after_it(
        self, sealed, write
    ):
        old, new = keys.newest(), self.rotate()
        sealing.seal()
        first = Checkpoint.objects.latest("pk")
        assert first.key_id == new.id.hex()
        assert notes.verify(first.note, [old]) == notes.verify(first.note, [new])
        write()
        sealing.seal()
        second = Checkpoint.objects.latest("pk")
        assert notes.verify(second.note, [new]).size == second.size
        with pytest.raises(notes.NoteError):
            notes.verify(second.note, [old])
        assert notes.verify(sealed.note, keys.public_keys()).size == sealed.size

    def test_after_the_old_key_was_lost_the_new_one_signs_alone(self, sealed, data_dir):
        key_files(data_dir)[0].unlink()
        assert stops("key_missing")
        new = self.rotate()
        sealing.seal()
        _head, signatures = notes.parse(Checkpoint.objects.latest("pk").note)
        assert [each.key_id for each in signatures] == [new.id]

    def test_to_the_key_of_the_setting_both_sign_too(self, sealed, settings):
        settings.LOG_SIGNING_KEY = OTHER
        self.rotate()
        sealing.seal()
        assert len(notes.parse(Checkpoint.objects.latest("pk").note)[1]) == 2

    def test_to_the_same_key_is_refused(self, write, settings):
        settings.LOG_SIGNING_KEY = SEED
        write()
        sealing.seal()
        with pytest.raises(CommandError, match="signs the log already"):
            self.rotate()
        assert LogKey.objects.count() == 1

    def test_back_to_a_key_that_was_used_before_is_refused(self, write, settings):
        settings.LOG_SIGNING_KEY = SEED
        write()
        sealing.seal()
        settings.LOG_SIGNING_KEY = ""
        self.rotate()
        settings.LOG_SIGNING_KEY = SEED
        with pytest.raises(CommandError, match="has signed the log before"):
            self.rotate()
        assert LogKey.objects.count() == 2

    def test_before_the_first_sealing_makes_the_first_key(self, write):
        new = self.rotate()
        assert keys.public_keys() == [new]
