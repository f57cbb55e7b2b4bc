"""A file of a folder leaves only if it is the one that was stored."""

import hashlib
import os
import time

import pytest
from django.core.files.base import ContentFile

from generations import storage
from generations.storage import compared

SMALL = b"a labelled preview"
LARGE = bytes(range(256)) * 8192  # 2 MB


@pytest.fixture(autouse=True)
def _forget():
    compared.forget()


@pytest.fixture(params=[SMALL, LARGE], ids=["small", "large"])
def stored(request, tmp_path):
    """A file that was stored some time ago: its path, and `read()`, which compares it."""
    folder, data = storage.AtomicFileSystemStorage(location=tmp_path), request.param
    digest = hashlib.sha256(data).hexdigest()
    folder.save("a/1", ContentFile(data))

    class Stored:
        path = tmp_path / "a" / "1"
        content = data

        def open(self):
            return folder.compared("a/1", sha256=digest)

        def read(self):
            with self.open() as file:
                return file.read()

    return Stored()


@pytest.fixture
def settled(monkeypatch):
    """Files count as old enough to be remembered."""
    monkeypatch.setattr(compared, "_STEP_NS", -(10**18))


def swap_a_byte(path):
    with path.open("r+b") as file:
        file.seek(5)
        file.write(b"!")


def swap_a_byte_and_put_its_time_back(path):
    before = path.stat()
    swap_a_byte(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def swap_the_file(path):
    other = path.with_name("other")
    other.write_bytes(bytes(len(path.read_bytes())))
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def truncate(path):
    os.truncate(path, path.stat().st_size - 1)


def link_to_another(path):
    other = path.with_name("other")
    other.write_bytes(b"another picture")
    path.unlink()
    path.symlink_to(other)


def link_to_the_same(path):
    path.rename(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


def put_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def put_a_folder(path):
    path.unlink()
    path.mkdir()


def test_it_is_read_whole_and_in_parts(stored):
    assert stored.read() == stored.content
    with stored.open() as file:
        file.seek(4)
        assert file.read(3) == stored.content[4:7]
        assert file.tell() == 7


@pytest.mark.parametrize(
    "damage",
    [
        swap_a_byte,
        swap_a_byte_and_put_its_time_back,
        swap_the_file,
        truncate,
        link_to_another,
        link_to_the_same,
        put_a_pipe,
        put_a_folder,
    ],
)
def test_a_changed_file_is_refused_also_if_it_was_compared_before(stored, damage, settled):
    assert stored.read() == stored.content
    damage(stored.path)
    for _again in range(2):
        with pytest.raises(storage.FileDamaged):
            stored.read()


def test_an_unchanged_file_is_hashed_once(stored, settled, monkeypatch):
    stored.read()
    monkeypatch.setattr(hashlib, "sha256", None)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert stored.read() == stored.content


def test_after_some_minutes_it_is_hashed_again(stored, settled, monkeypatch):
    stored.read()
    later = time.monotonic() + compared.KEPT_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    monkeypatch.setattr(hashlib, "sha256", None)
    monkeypatch.setattr(hashlib, "file_digest", None)
    with pytest.raises(TypeError):
        stored.read()


def test_a_file_that_has_just_changed_is_not_remembered(stored, monkeypatch):
    """Its next change could fall into the same step of the clock."""
    stored.read()
    monkeypatch.setattr(hashlib, "sha256", None)
    monkeypatch.setattr(hashlib, "file_digest", None)
    with pytest.raises(TypeError):
        stored.read()


def test_a_large_file_that_is_written_to_while_it_is_sent_breaks_off(tmp_path, settled):
    folder = storage.AtomicFileSystemStorage(location=tmp_path)
    folder.save("a/1", ContentFile(LARGE))
    file = folder.compared("a/1", sha256=hashlib.sha256(LARGE).hexdigest())
    assert file.read(4096) == LARGE[:4096]
    swap_a_byte(tmp_path / "a" / "1")
    with pytest.raises(storage.FileDamaged):
        file.read(4096)
    file.close()


def test_the_memory_is_bounded(tmp_path, settled, monkeypatch):
    monkeypatch.setattr(compared, "MOST_KEPT", 2)
    folder = storage.AtomicFileSystemStorage(location=tmp_path)
    for name in "abc":
        folder.save(name, ContentFile(SMALL))
        folder.compared(name, sha256=hashlib.sha256(SMALL).hexdigest()).close()
    assert len(compared._memory._known) == 2
