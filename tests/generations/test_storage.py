"""Files in a folder appear whole or not at all, and nothing half-written stays."""

import os
import time

import pytest
from django.core.files.base import ContentFile

from generations import storage


@pytest.fixture
def folder(tmp_path):
    return storage.AtomicFileSystemStorage(location=tmp_path)


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


class Breaking(ContentFile):
    """Content that fails half-way, as on a full disk."""

    def chunks(self, chunk_size=None):
        yield b"the beginning"
        raise OSError(28, "No space left on device")


def test_a_file_is_replaced_as_a_whole(folder, tmp_path):
    folder.save("a/1", ContentFile(b"one"))
    folder.save("a/1", ContentFile(b"two"))
    assert storage.read(folder, "a/1") == b"two"
    assert files_in(tmp_path) == ["1"]


def test_a_write_that_fails_leaves_nothing(folder, tmp_path):
    with pytest.raises(OSError, match="No space"):
        folder.save("a/1", Breaking(b""))
    assert files_in(tmp_path) == []


def test_a_file_that_cannot_be_moved_into_place_leaves_nothing(folder, tmp_path):
    (tmp_path / "a" / "1" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        folder.save("a/1", ContentFile(b"one"))
    assert files_in(tmp_path) == []


def test_old_half_written_files_are_swept_and_new_ones_are_not(folder, tmp_path):
    parts = tmp_path / storage.PARTS
    parts.mkdir()
    for name, age in (("old", storage.LEFTOVER_SECONDS + 60), ("new", 1)):
        (parts / name).write_bytes(b"half")
        os.utime(parts / name, (time.time() - age,) * 2)
    assert folder.sweep() == 1
    assert files_in(tmp_path) == ["new"]


def test_sweeping_before_anything_was_written_finds_nothing(folder):
    assert folder.sweep() == 0


def test_any_error_of_a_back_end_is_raised_as_storage_away(monkeypatch):
    class Away:
        def exists(self, name):
            raise RuntimeError("no such bucket")

    monkeypatch.setattr(storage, "originals", Away)
    with pytest.raises(storage.StorageAway):
        storage.save_original("a", b"")
    with pytest.raises(storage.StorageAway):
        storage.has_original("a")


def test_the_file_of_an_export_whose_worker_hangs_is_swept():
    with storage.new_part("export") as part:
        part.write_bytes(b"half")
        assert storage.sweep() == 0
        os.utime(part, (time.time() - storage.LEFTOVER_SECONDS - 60,) * 2)
        assert storage.sweep() == 1
        assert not part.exists()
