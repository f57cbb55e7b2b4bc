"""The file of a reference as a provider gets it: without metadata.

Uploads are stored without metadata. The original of one of our images holds what its provider wrote
into it, perhaps the prompt. So a worker makes a clean copy before the first request that uses the
image, and only that copy is sent or served.
"""

from dataclasses import dataclass

from accounts import notices
from generations import storage
from generations.imaging import clean_reference, mime_type
from generations.imaging.containers import dimensions, sniff
from generations.models import Reference
from generations.notice_kinds import FILE_DAMAGED


@dataclass(frozen=True)
class OutgoingFile:
    """A file that may leave the studio: without metadata; width and height in pixels."""

    data: bytes
    mime_type: str
    width: int
    height: int


def make_ready(reference: Reference) -> None:
    """Make the clean file if there is none. May decode an image, so only workers call it.

    Raises UnusableImage if the image can't be a reference, FileNotFoundError if storage has lost
    it, and FileDamaged if storage has another file.
    """
    name = _name(reference)
    if reference.image_id is None or storage.originals().exists(name):
        return
    original = _compared(reference)
    storage.save_original(name, clean_reference(original).data)


def read(reference: Reference) -> OutgoingFile:
    """The clean file. Raises FileNotFoundError if no worker has made it, and FileDamaged.

    Of one of our images, no row says what the clean copy must be, so it is not compared.
    """
    is_upload = reference.image_id is None
    name = _name(reference)
    data = _compared(reference) if is_upload else storage.read(storage.originals(), name)
    width, height = dimensions(data) or (reference.width, reference.height)
    return OutgoingFile(data, mime_type(sniff(data) or reference.format), width, height)


def _compared(reference: Reference) -> bytes:
    """The file that the row names; admins are told if storage has another one."""
    files = storage.originals()
    try:
        with storage.content(files, reference.name, sha256=reference.sha256) as file:
            return file.read()
    except storage.FileDamaged as error:
        notices.raise_notice(FILE_DAMAGED, cause=error.name, facts={"name": error.name})
        raise


def _name(reference: Reference) -> str:
    if reference.image_id is None:
        return reference.name
    return storage.clean_copy_name(reference.sha256)
