"""Stores and returns originals, renditions and uploads. Checks no rights: views do so first.

A file's name follows from what it holds. So a file may be written twice, and a worker that takes
over from a dead one finds it.
"""

import hashlib
import io
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages

from generations.storage import folder
from generations.storage.errors import (
    ClockDiffers,
    FileDamaged,
    StorageAway,
    StorageRefused,
    as_storage_away,
)
from generations.storage.folder import LEFTOVER_SECONDS, PARTS, AtomicFileSystemStorage

__all__ = [
    "LEFTOVER_SECONDS",
    "PARTS",
    "AtomicFileSystemStorage",
    "ClockDiffers",
    "FileDamaged",
    "StorageAway",
    "StorageRefused",
    "as_storage_away",
]

UPLOADS, EXPORTS = "uploads", "exports"
CHUNK_BYTES = 256 * 1024


def originals() -> Storage:
    return storages["originals"]


def renditions() -> Storage:
    return storages["renditions"]


def load() -> None:
    """Load both back ends, with the clients of a bucket, before threads need them."""
    for backend in (originals(), renditions()):
        if hasattr(backend, "load"):
            backend.load()


def original_name(generation: UUID, *, attempt: int, index: int) -> str:
    return f"{generation}/{attempt}/{index}"


def rendition_name(image: UUID, *, recipe: str, sha256: str, extension: str) -> str:
    """The name of a labelled file. Another file gets another name, so none is ever replaced."""
    return f"{image}/{recipe}-{sha256[:16]}.{extension}"


def reference_name(sha256: str) -> str:
    return f"references/{sha256[:2]}/{sha256}"


def clean_copy_name(sha256: str) -> str:
    """The name of the copy without metadata of the original with this SHA-256."""
    return f"references/clean/{sha256[:2]}/{sha256}"


def upload_name(sha256: str) -> str:
    """The name of an upload until it is cleaned. It still has metadata, so nobody may see it."""
    return f"{UPLOADS}/{sha256}"


def save_upload(sha256: str, content: File) -> None:
    """Store an upload. Write one that exists again, which renews its age. Raises StorageAway."""
    with as_storage_away():
        originals().save(upload_name(sha256), content)


def uploads_before(moment: datetime) -> Iterator[str]:
    """The SHA-256 of each upload that was stored before `moment`."""
    try:
        _folders, names = originals().listdir(UPLOADS)
    except FileNotFoundError:
        return
    for name in names:
        with suppress(FileNotFoundError):  # cleaned meanwhile
            if originals().get_modified_time(f"{UPLOADS}/{name}") < moment:
                yield name


def save_original(name: str, data: bytes) -> None:
    """Store the provider's bytes; never replace a file of this name. Raises StorageAway."""
    with as_storage_away():
        if not originals().exists(name):
            originals().save(name, ContentFile(data))


def has_original(name: str) -> bool:
    with as_storage_away():
        return originals().exists(name)


def save_rendition(name: str, data: bytes) -> None:
    with as_storage_away():
        renditions().save(name, ContentFile(data))


def read(backend: Storage, name: str) -> bytes:
    """The bytes of the file `name`. Raises FileNotFoundError, or StorageAway."""
    with as_storage_away(), backend.open(name, "rb") as file:
        return file.read()


def hand_out(
    backend: Storage, name: str, *, sha256: str, mime_type: str, filename: str = ""
) -> str | BinaryIO:
    """Return what a browser gets for the file `name`: a link to it, or the open file.

    A bucket gives a link, after it has compared its SHA-256 of the file with `sha256`. The link is
    valid for 60 seconds and for this file only. It fixes the file's type and, if the file is to be
    saved, its `filename`. If the bucket keeps no SHA-256, or browsers can't reach it, the content
    is compared here and returned. A folder gives the open file, after comparing it: see `compared`.

    Raises FileNotFoundError, FileDamaged or StorageAway.
    """
    with as_storage_away():
        if hasattr(backend, "link"):
            link = backend.link(name, sha256=sha256, mime_type=mime_type, filename=filename)
            return link or _compared(backend, name, sha256)
        return _compared(backend, name, sha256)


def content(backend: Storage, name: str, *, sha256: str) -> BinaryIO:
    """The open file `name`, compared with `sha256`. Raises as `hand_out`."""
    with as_storage_away():
        return _compared(backend, name, sha256)


def _compared(backend: Storage, name: str, sha256: str) -> BinaryIO:
    if hasattr(backend, "compared"):
        return cast(BinaryIO, backend.compared(name, sha256=sha256))
    data = read(backend, name)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise FileDamaged(name, expected=sha256, found=found)
    return io.BytesIO(data)


def sweep() -> int:
    """Remove half-written files of dead processes; return how many."""
    folders = [each for each in (originals(), renditions()) if hasattr(each, "sweep")]
    return sum(each.sweep() for each in folders) + folder.sweep(_parts_of_bucket())


# --- Large files ---------------------------------------------------------------------------------


def export_name(export: UUID, extension: str) -> str:
    return f"{EXPORTS}/{export}.{extension}"


@contextmanager
def new_part(owner: str) -> Iterator[Path]:
    """The path of a file to be written, and then handed to `keep`. Nothing is left of it.

    It is on the disk of the originals or, if they are in a bucket, in DATA_DIR. If the process is
    killed, `remove_parts(owner)` removes the file, or `sweep` after an hour.
    """
    parts = _parts()
    parts.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = parts / f"{owner}-{uuid4()}.part"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def remove_parts(owner: str) -> None:
    """Remove the files that `new_part(owner)` has left on this machine's disk."""
    for path in _parts().glob(f"{owner}-*.part"):
        path.unlink(missing_ok=True)


def free_bytes() -> int:
    """How many bytes are free on the disk on which files are written before they are kept."""
    parts = _parts()
    parts.mkdir(mode=0o700, parents=True, exist_ok=True)
    return shutil.disk_usage(parts).free


def keep(name: str, part: Path) -> None:
    """Store the complete file `part` among the originals under `name`. Raises StorageAway."""
    with as_storage_away():
        backend: Any = originals()
        if hasattr(backend, "adopt"):
            backend.adopt(name, part)
        else:
            with part.open("rb") as file:
                backend.save(name, File(file))


def erase(backend: Storage, name: str) -> bool:
    """Delete a file, in a bucket with all its versions. One that does not exist is no error.

    Returns False if the bucket keeps versions. Raises StorageAway.
    """
    with as_storage_away(), suppress(FileNotFoundError):
        if hasattr(backend, "erase"):
            return bool(backend.erase(name))
        backend.delete(name)
    return True


def renditions_in_storage(image: UUID) -> list[str]:
    """The names of all labelled files of an image that storage has, in any version.

    Those that a killed worker wrote, and that no row names, are among them. Raises StorageAway.
    """
    backend: Any = renditions()
    with as_storage_away():
        if hasattr(backend, "names"):
            return list(backend.names(str(image)))
        try:
            _folders, names = backend.listdir(str(image))
        except FileNotFoundError:
            return []
    return [f"{image}/{name}" for name in names]


def erase_unnamed(image: UUID, *, named: Collection[str] = ()) -> None:
    """Erase the labelled files of an image whose names are not in `named`. Raises StorageAway."""
    for name in renditions_in_storage(image):
        if name not in named:
            erase(renditions(), name)


def remove(name: str) -> None:
    """Erase an original. Raises StorageAway."""
    erase(originals(), name)


def link(name: str, *, sha256: str, mime_type: str, filename: str) -> str:
    """A link to an original, to be saved as `filename`; "" if there are no links. As `hand_out`."""
    with as_storage_away():
        backend: Any = originals()
        if not hasattr(backend, "link"):
            return ""
        return str(backend.link(name, sha256=sha256, mime_type=mime_type, filename=filename))


def chunks(name: str, start: int, *, sha256: str) -> Iterator[bytes]:
    """The content of an original from the byte `start` on, in constant memory. As `hand_out`.

    The file is opened before this returns.
    """
    with as_storage_away():
        backend: Any = originals()
        if hasattr(backend, "chunks"):
            found: Iterator[bytes] = backend.chunks(name, start, sha256=sha256)
            return found
        file = _compared(backend, name, sha256)
        file.seek(start)
    return _read(file)


def _read(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while data := file.read(CHUNK_BYTES):
            yield data


def _parts() -> Path:
    return getattr(originals(), "parts", None) or _parts_of_bucket()


def _parts_of_bucket() -> Path:
    return Path(settings.DATA_DIR, PARTS)
