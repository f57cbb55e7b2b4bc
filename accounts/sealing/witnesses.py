"""Copies of checkpoints outside the database, which whoever changes the database does not reach.

Without one, a log whose newest records and checkpoints were all removed looks complete. The file of
LOG_CHECKPOINT_FILE gets every checkpoint. The bucket of LOG_CHECKPOINT_BUCKET gets the newest one
at most once a minute: each checkpoint confirms all that were before. The authority of
LOG_TIMESTAMP_URL stamps the newest one once an hour. If a copy fails, the checkpoint in the
database stands, and the next call goes on.
"""

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from io import FileIO
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import Checkpoint, Studio, TimeStamp, Witness
from accounts.sealing import keys, notes, stamps, stored
from accounts.sealing.notes import MOST_BYTES, Head, NoteError
from accounts.sealing.stamps import StampError
from accounts.sealing.stored import HashesMissing
from accounts.sealing.troubles import Stopped

log = logging.getLogger(__name__)

FILE, BUCKET, STAMP = "file", "bucket", "timestamp"
# The alias in STORAGES. It exists if LOG_CHECKPOINT_BUCKET is set.
STORAGE = "checkpoints"
# In the file, this line ends each note.
END = b"---\n"
# Checkpoints that one call adds to the file.
MOST_AT_ONCE = 1000
# At most so often. A time stamp is dear, and confirms all checkpoints before it.
EVERY = {FILE: timedelta(0), BUCKET: timedelta(minutes=1), STAMP: timedelta(hours=1)}
# After a failure, a new try comes sooner.
AGAIN = timedelta(minutes=5)

Ask = Callable[[bytes], bytes]
# Copies a checkpoint, and returns the key of the newest one that is copied then.
Copy = Callable[[Checkpoint], int]

# A copy that hangs keeps one thread of a process, not one more at each call.
_copying = threading.Lock()


def names() -> list[str]:
    """The witnesses of this studio."""
    bucket = [BUCKET] if STORAGE in settings.STORAGES else []
    return [FILE, *bucket, *([STAMP] if settings.LOG_TIMESTAMP_URL else [])]


def copy(*, after_damage: bool = False) -> dict[str, str]:
    """Copy new checkpoints to every witness. Returns the code of each trouble, by witness.

    With `after_damage`, the newest checkpoint is added to the file even if the checkpoints in it
    are not those of the log. Never raises for a witness; raises what the database raises.
    """
    newest = Checkpoint.objects.order_by("pk").last()
    if newest is None or not _copying.acquire(blocking=False):
        return {}
    copies: dict[str, Copy] = {
        FILE: partial(_to_file, after_damage=after_damage),
        BUCKET: _to_bucket,
    }
    try:
        wanted = [name for name in names() if name in copies]
        troubles = {name: _copy_to(name, newest, copies[name]) for name in wanted}
    finally:
        _copying.release()
    return {name: trouble for name, trouble in troubles.items() if trouble}


def stamp(ask: Ask) -> str:
    """Get a time stamp for the newest checkpoint, if one is due. Returns the code of the trouble.

    `ask` sends a query to the authority and returns its answer, or raises anything. It is called in
    no transaction.
    """
    newest = Checkpoint.objects.order_by("pk").last()
    return _copy_to(STAMP, newest, partial(_stamp, ask)) if newest else ""


def checkpoint_file() -> Path:
    """The file of all checkpoints; it may not exist yet."""
    name = keys.origin().replace("/", "_") + ".txt"
    return Path(settings.LOG_CHECKPOINT_FILE or settings.DATA_DIR / "checkpoints" / name)


def refuse_other_log() -> None:
    """Raise Stopped if the file ends with a checkpoint that the log in the database lacks.

    So the database is older than the file, or was rewritten. A file that cannot be read is left to
    the watch. It costs the same for any log.
    """
    if not Checkpoint.objects.exists():
        return
    try:
        with checkpoint_file().open("rb", buffering=0) as file:
            _lacking(_last_in(file))
    except OSError:
        return
    except Stopped as stopped:
        if stopped.code == "file_differs":
            raise


def stamp_folder() -> Path:
    """The folder of time stamps, beside the file of checkpoints."""
    return checkpoint_file().with_suffix(".timestamps")


def stamp_name(row: Checkpoint) -> str:
    """The name of the files of a checkpoint's time stamp, without suffix."""
    return f"{row.size:013}-{row.pk}"


def _copy_to(name: str, newest: Checkpoint, copy_it: Copy) -> str:
    row, _ = Witness.objects.get_or_create(name=name)
    if row.checkpoint == newest.pk or not _is_due(row):
        return ""
    Witness.objects.filter(pk=name).update(tried_at=timezone.now())
    try:
        copied = copy_it(newest)
    except _Busy:
        return ""
    except Stopped as stopped:
        return _note(row, stopped.code)
    except Exception:
        log.exception("A checkpoint was not copied to the %s", name)
        return _note(row, "unexpected")
    Witness.objects.filter(pk=name).update(checkpoint=copied, trouble="")
    return ""


def _is_due(row: Witness) -> bool:
    if row.tried_at is None:
        return True
    every = min(EVERY[row.name], AGAIN) if row.trouble else EVERY[row.name]
    # The clock may have been set back.
    return abs(timezone.now() - row.tried_at) >= every


def _note(row: Witness, code: str) -> str:
    """Remember why copying has stopped, for the watch; log it once."""
    if row.trouble != code:
        Witness.objects.filter(pk=row.pk).update(trouble=code)
        log.error("Checkpoints are not copied to the %s: %s", row.name, Stopped(code).reason)
    return code


# --- The file ------------------------------------------------------------------------------------


def _to_file(newest: Checkpoint, *, after_damage: bool) -> int:
    """Append what the file lacks. Returns the key of the last checkpoint in it. Raises Stopped."""
    with _opened(checkpoint_file()) as file:
        _cut_torn(file)
        last = _last_in(file)
        if last is None:
            _note_new_file()
        new = Checkpoint.objects.filter(pk=newest.pk) if after_damage else _lacking(last)
        rows = list(new.order_by("pk")[:MOST_AT_ONCE])
        _append(file, b"".join(row.note.encode() + END for row in rows))
    return rows[-1].pk if rows else newest.pk


def _note_new_file() -> None:
    """Record that the file is empty although checkpoints were copied: it was removed, or another
    machine has its own.
    """
    copied = Witness.objects.get(name=FILE).checkpoint
    if not copied:
        return
    with transaction.atomic():
        studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
        facts = {"copied": copied}
        audit.record(Event.LOG_FILE_BEGUN, actor=None, subject=studio, facts=facts)


class _Busy(Exception):
    """Another process writes the file."""


@contextmanager
def _opened(path: Path) -> Iterator[FileIO]:
    """The file, locked so that one process writes. Raises Stopped if it can't be written, or _Busy.

    Without a buffer: what could not be written must not be tried again when the file is closed.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with FileIO(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError as error:
        raise _Busy from error
    except OSError as error:
        raise Stopped("file_unwritable") from error


def _last_in(file: FileIO) -> Head | None:
    """The last whole checkpoint in the file. Raises Stopped if it is not one of this log."""
    whole, _torn = _end_of(file)
    if not whole:
        return None
    try:
        note = whole.rpartition(END)[2].decode()
        return notes.verify(note, keys.public_keys())
    except (NoteError, UnicodeDecodeError) as error:
        raise Stopped("file_damaged") from error


def _cut_torn(file: FileIO) -> None:
    """Cut what a crash has left half-written at the end. Raises Stopped for anything else."""
    _whole, torn = _end_of(file)
    if torn:
        file.truncate(file.seek(0, os.SEEK_END) - len(torn))


def _end_of(file: FileIO) -> tuple[bytes, bytes]:
    """The end of the file: what is before the end of its last whole note, and what is behind it.

    Raises Stopped if the file does not end with a note and, perhaps, the beginning of another.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2 * (MOST_BYTES + len(END))))
    whole, end, torn = file.read().rpartition(END)
    if not _is_torn(torn) or not (end or len(torn) == size) or (end and not whole):
        raise Stopped("file_damaged")
    return whole, torn


def _is_torn(data: bytes) -> bool:
    """Whether `data` may be the beginning of a note of this log; what is not ours is not cut."""
    first_line = f"{keys.origin()}\n".encode()
    return len(data) <= MOST_BYTES and data[: len(first_line)] == first_line[: len(data)]


def _lacking(last: Head | None) -> QuerySet[Checkpoint]:
    """The checkpoints after `last`. Raises Stopped if the log does not contain `last`."""
    if last is None:
        return Checkpoint.objects.all()
    try:
        root = stored.tree(stored.leaf_count()).root(last.size)
    except (HashesMissing, ValueError) as error:
        raise Stopped("file_differs") from error
    if root != last.root:
        raise Stopped("file_differs")
    return Checkpoint.objects.filter(size__gt=last.size)


def _append(file: FileIO, data: bytes) -> None:
    """Add `data` and sync it, or leave the file as it was."""
    size = file.seek(0, os.SEEK_END)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    except OSError:
        file.truncate(size)
        raise


# --- The bucket ----------------------------------------------------------------------------------


def _to_bucket(newest: Checkpoint) -> int:
    """Put the newest checkpoint into the bucket, as an object of its own. Raises Stopped."""
    try:
        storages[STORAGE].save(bucket_name(newest), ContentFile(newest.note.encode()))
    except Exception as error:  # of any library; the back end has bounded time
        raise Stopped("bucket_away") from error
    return newest.pk


def bucket_name(row: Checkpoint) -> str:
    """The name of a checkpoint in the bucket."""
    return f"{keys.origin()}/{stamp_name(row)}.txt"


def in_bucket() -> list[str]:
    """The names of all checkpoints in the bucket, in order of size. Raises what the library does.

    It needs the right s3:ListBucket, which copying does not need.
    """
    if BUCKET not in names():
        return []
    folder = keys.origin()
    _folders, files = storages[STORAGE].listdir(folder)
    return sorted(f"{folder}/{file}" for file in files)


def read_bucket(name: str) -> str:
    """The text of an object of the bucket. Raises ValueError if it is too long or no text."""
    with storages[STORAGE].open(name) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"{name} is no checkpoint")
    return text.decode()


# --- The time stamp ------------------------------------------------------------------------------


def _stamp(ask: Ask, newest: Checkpoint) -> int:
    """Get a time stamp, and keep it in a file and in the database. Raises Stopped."""
    query, nonce = stamps.query(newest.note)
    try:
        answer = ask(query)
    except Exception as error:  # of any library; whoever asks has bounded time
        raise Stopped("stamp_away") from error
    try:
        at = stamps.read(answer, newest.note, nonce=nonce)
        stamps.write(stamp_folder(), stamp_name(newest), note=newest.note, answer=answer)
    except StampError as error:
        raise Stopped("stamp_refused") from error
    except OSError as error:
        raise Stopped("stamp_unwritable") from error
    TimeStamp.objects.get_or_create(checkpoint=newest, defaults={"answer": answer, "at": at})
    return newest.pk
