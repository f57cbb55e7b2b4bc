"""Errors of stored files. A file that does not exist raises FileNotFoundError."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class StorageAway(Exception):
    """Storage can't be read or written now: a full disk, a bucket that does not answer."""


class StorageRefused(StorageAway):
    """The storage service answers but refuses the studio's key."""


class ClockDiffers(StorageRefused):
    """The storage service refuses the key because the studio's clock is wrong, or its own is."""


class FileDamaged(Exception):
    """The file `name` is not the one that was stored: its SHA-256 differs.

    `expected` and `found` are hexadecimal SHA-256 sums, or empty if the service did not give them.
    """

    def __init__(self, name: str, *, expected: str = "", found: str = "") -> None:
        super().__init__(f"{name} is not what was stored")
        self.name = name
        self.expected = expected
        self.found = found


def _away(error: Exception) -> StorageAway:
    return StorageAway(type(error).__name__)


@contextmanager
def as_storage_away(named: Callable[[Exception], StorageAway] = _away) -> Iterator[None]:
    """Raise any error that is not about one file as `named(error)`, by default as StorageAway."""
    try:
        yield
    except (FileNotFoundError, FileDamaged, StorageAway):
        raise
    except Exception as error:
        raise named(error) from error
