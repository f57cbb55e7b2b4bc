"""Private keys as files in `DATA_DIR/keys`, which nobody but their owner may read."""

import os
from contextlib import suppress
from pathlib import Path

from django.conf import settings


def path(name: str) -> Path:
    return folder() / name


def folder() -> Path:
    return Path(settings.DATA_DIR) / "keys"


def read(name: str, *, most: int) -> bytes:
    """The first `most` bytes of a file. Raises FileNotFoundError and OSError."""
    with path(name).open("rb") as file:
        return file.read(most)


def write(name: str, content: bytes) -> Path:
    """Write a new file, and to the disk. Raises OSError, also if there is one of this name."""
    file_path = path(name)
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(file_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder()
    except OSError:
        with suppress(OSError):
            file_path.unlink(missing_ok=True)
        raise
    return file_path


def _sync_folder() -> None:
    """Make the name of a new file outlast a power cut."""
    handle = os.open(folder(), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
