"""The file of a reference as a provider gets it: without metadata.

Uploads are stored without metadata. The original of one of our images holds what its provider wrote
into it, perhaps the prompt. So a worker makes a clean copy before the first request that uses the
image, and only that copy is sent or served.
"""

from dataclasses import dataclass

from generations import storage
from generations.imaging import clean_reference, mime_type
from generations.imaging.containers import dimensions, sniff
from generations.models import Reference


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
    it.
    """
    name = _name(reference)
    if reference.image_id is None or storage.originals().exists(name):
        return
    original = storage.read(storage.originals(), reference.name)
    storage.save_original(name, clean_reference(original).data)


def read(reference: Reference) -> OutgoingFile:
    """The clean file. Raises FileNotFoundError if no worker has made it."""
    data = storage.read(storage.originals(), _name(reference))
    width, height = dimensions(data) or (reference.width, reference.height)
    return OutgoingFile(data, mime_type(sniff(data) or reference.format), width, height)


def _name(reference: Reference) -> str:
    if reference.image_id is None:
        return reference.name
    return storage.clean_copy_name(reference.sha256)
