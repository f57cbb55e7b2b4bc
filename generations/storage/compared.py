"""Files of a folder, compared with the SHA-256 of their row before their first byte leaves.

A process remembers for some minutes which files it has compared, so that a gallery is not hashed
again with each scroll. A file counts as the same while its device, inode, size and both times are.
The time that counts is ctime: every write, rename and change of mtime sets it, and no call gives it
a chosen value (man 7 inode). It moves in steps of the system's clock, so a file that changed in the
last two seconds is not remembered.

This does not notice who can write to the disk below its file system or set the machine's clock, nor
a disk that returns other bytes for a file that nobody wrote to: not before the memory ends.
"""

import errno
import hashlib
import io
import os
import stat
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from generations.storage.errors import FileDamaged

KEPT_SECONDS = 600
MOST_KEPT = 20_000
# Larger than any preview. A file of this size is read as a whole.
SMALL_BYTES = 1024 * 1024
CHUNK_BYTES = 256 * 1024
# Longer than the steps in which a file system notes times.
_STEP_NS = 2 * 10**9


class State(NamedTuple):
    """What changes if a file is written to or replaced; times in nanoseconds."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


class _Memory:
    """Which files this process has compared, with which SHA-256, in which state and when."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[State, str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, path: str, state: State, sha256: str) -> bool:
        with self._lock:
            found = self._known.get(path)
        if found is None or found[:2] != (state, sha256):
            return False
        return time.monotonic() - found[2] < KEPT_SECONDS

    def keep(self, path: str, state: State, sha256: str) -> None:
        if time.time_ns() - max(state.changed, state.modified) < _STEP_NS:
            return
        with self._lock:
            self._known[path] = (state, sha256, time.monotonic())
            self._known.move_to_end(path)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)

    def forget(self) -> None:
        with self._lock:
            self._known.clear()


_memory = _Memory()
forget = _memory.forget


def opened(path: Path, name: str, *, sha256: str) -> BinaryIO:
    """The file at `path`, of which every byte that is read has been compared with `sha256`.

    `name` is what it is called in storage. Raises FileNotFoundError, and FileDamaged for other
    content and for whatever is not a file, such as a link: at once, or while a file is read that is
    written to meanwhile.
    """
    file = _open(path, name, sha256)
    try:
        state = _state(file)
        if state.size <= SMALL_BYTES:
            return _whole(file, path, name, sha256)
        if not _memory.knows(str(path), state, sha256):
            found = hashlib.file_digest(file, "sha256").hexdigest()
            _refuse(name, sha256, found, is_same=state == _state(file))
            _memory.keep(str(path), state, sha256)
            file.seek(0)
        return cast(BinaryIO, _Unchanged(file, state, name, sha256))
    except BaseException:
        file.close()
        raise


def _whole(file: io.FileIO, path: Path, name: str, sha256: str) -> BinaryIO:
    with file:
        state, data = _state(file), file.read()
        is_same = state == _state(file)
        if not (is_same and _memory.knows(str(path), state, sha256)):
            found = hashlib.sha256(data).hexdigest()
            _refuse(name, sha256, found, is_same=True)  # these bytes are what is sent
            if is_same:
                _memory.keep(str(path), state, sha256)
    return io.BytesIO(data)


def _refuse(name: str, expected: str, found: str, *, is_same: bool) -> None:
    if found != expected or not is_same:
        raise FileDamaged(name, expected=expected, found=found)


def _open(path: Path, name: str, sha256: str) -> io.FileIO:
    # Without O_NONBLOCK, opening a pipe would wait for a writer.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = io.FileIO(path, opener=lambda each, _flags: os.open(each, flags))
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise FileDamaged(name, expected=sha256) from error
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FileDamaged(name, expected=sha256)
    return file


def _state(file: io.FileIO) -> State:
    now = os.fstat(file.fileno())
    return State(now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


class _Unchanged(io.RawIOBase):
    """A compared file, to be read. Raises FileDamaged if it is written to meanwhile.

    It has no `fileno`, so that no server sends the file past this check.
    """

    def __init__(self, file: io.FileIO, state: State, name: str, sha256: str) -> None:
        super().__init__()
        self._file, self._state, self._name, self._sha256 = file, state, name, sha256

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer)
        if _state(self._file) != self._state:
            raise FileDamaged(self._name, expected=self._sha256)
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()
