"""The keys of the imperceptible mark."""

from base64 import b64encode
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import key_files, notices
from accounts.events import Event
from accounts.models import Record
from generations import mark_keys
from generations.labelling import mark
from generations.notice_kinds import IMAGES_UNMARKED, MARK_KEY_LOST
from tests.bench import pictures

pytestmark = pytest.mark.django_db

ONE, TWO = (b64encode(bytes([byte]) * 32).decode() for byte in (1, 2))


@pytest.fixture(autouse=True)
def on(settings, tmp_path):
    settings.LABEL_MARK, settings.DATA_DIR = True, tmp_path


def test_the_first_mark_makes_a_key_that_only_its_owner_reads():
    assert mark_keys.mark(1).key_number == 1
    file = key_files.path("mark-1.key")
    assert file.stat().st_mode & 0o777 == 0o600
    assert mark_keys.mark(2).marker == mark_keys.mark(1).marker


def test_a_new_key_is_on_record_without_the_key():
    mark_keys.mark(1)
    record = Record.objects.get(event=Event.LABEL_MARK_KEY_MADE)
    assert record.facts["number"] == 1
    assert key_files.read("mark-1.key", most=99).decode().strip() not in str(record.facts)


def test_after_a_rotation_the_new_key_marks_and_both_are_read():
    before = mark_keys.mark(1)
    out = StringIO()
    call_command("rotate_mark_key", stdout=out)
    assert out.getvalue() == "2\n"
    assert mark_keys.mark(1).key_number == 2
    picture = before.embed(pictures.make(2, 640))
    assert mark.read(picture, mark_keys.markers()) == mark.Found(1, 1, 1.0)


def test_keys_of_the_setting_are_used_instead_of_files(settings):
    settings.LABEL_MARK_KEY = f"{ONE}, {TWO}"
    assert mark_keys.mark(1).marker == mark.Marker(bytes([2]) * 32, 2)
    assert [marker.key_number for marker in mark_keys.markers()] == [2, 1]
    assert not key_files.folder().exists()
    with pytest.raises(CommandError, match="LABEL_MARK_KEY"):
        call_command("rotate_mark_key")


def test_a_setting_turns_the_mark_off(settings):
    settings.LABEL_MARK = False
    assert mark_keys.mark(1) is None
    assert not key_files.folder().exists()


def test_a_number_that_is_too_large_costs_no_image():
    assert mark_keys.mark(2**40) is None


@pytest.mark.parametrize("key", ["short", ONE + "x", f"{ONE},", "\N{GREEK SMALL LETTER ALPHA}"])
def test_a_wrong_setting_costs_no_image_and_is_not_logged(settings, key, caplog):
    settings.LABEL_MARK_KEY = key
    assert mark_keys.mark(1) is None
    assert "base64 of 32 bytes" in caplog.text
    assert ONE not in caplog.text


def test_a_damaged_file_costs_no_image(caplog):
    mark_keys.mark(1)
    key_files.path("mark-1.key").write_bytes(b"damaged")
    assert mark_keys.mark(1) is None
    assert "no imperceptible mark" in caplog.text


def test_admins_are_told_that_no_key_can_be_used_and_when_one_can():
    mark_keys.mark(1)
    path = key_files.path("mark-1.key")
    kept = path.read_bytes()
    path.write_bytes(b"damaged")
    mark_keys.mark(2)
    assert notices.lasting([IMAGES_UNMARKED]) == {("labels:unmarked", "key")}
    path.write_bytes(kept)
    assert mark_keys.mark(3)
    assert not notices.lasting([IMAGES_UNMARKED])


def test_a_folder_that_cannot_be_written_costs_no_image(settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.DATA_DIR = tmp_path / "file"
    assert mark_keys.mark(1) is None
    assert not Record.objects.filter(event=Event.LABEL_MARK_KEY_MADE).exists()


def test_the_number_of_a_lost_key_is_not_given_again():
    mark_keys.mark(1)
    key_files.path("mark-1.key").unlink()
    assert mark_keys.mark(1).key_number == 2


class TestLost:
    """A new key takes the place of a lost one, and admins are told until the old one is back."""

    @pytest.fixture
    def file(self):
        mark_keys.mark(1)
        path = key_files.path("mark-1.key")
        self.kept = path.read_bytes()
        path.unlink()
        mark_keys.mark(2)
        return path

    def told(self):
        return notices.lasting([MARK_KEY_LOST])

    def test_until_the_file_is_back(self, file):
        assert self.told() == {("labels:mark_key_lost", "1")}
        file.write_bytes(self.kept)
        mark_keys.mark(3)
        assert not self.told()

    def test_until_the_setting_names_it(self, file, settings):
        second = key_files.path("mark-2.key").read_bytes()
        keys = (self.kept, second)
        settings.LABEL_MARK_KEY = ",".join(key.decode().strip() for key in keys)
        mark_keys.mark(3)
        assert not self.told()

    def test_until_it_is_given_up_on_record(self, file):
        call_command("rotate_mark_key", "--give-up", "1")
        assert Record.objects.get(event=Event.LABEL_MARK_KEY_LOST).facts["number"] == 1
        assert not self.told()
        mark_keys.mark(3)
        assert not self.told()

    def test_a_key_that_is_there_is_not_given_up(self, file):
        with pytest.raises(CommandError, match="not among the lost keys"):
            call_command("rotate_mark_key", "--give-up", "2")

    def test_a_damaged_file_of_an_older_key_costs_no_mark(self, file):
        file.write_bytes(b"damaged")
        assert mark_keys.mark(3).key_number == 2
        assert self.told()

    def test_another_file_in_its_place_is_noticed(self, file):
        file.write_bytes(b64encode(bytes(32)) + b"\n")
        mark_keys.mark(3)
        assert self.told()


def test_a_key_that_cannot_be_recorded_is_not_kept(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(mark_keys.audit, "record", fail)
    with pytest.raises(RuntimeError):
        mark_keys.rotate()
    assert not key_files.path("mark-1.key").exists()
