"""Receiving uploads: files are written to disk, each only up to the size that is accepted."""

from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest

from accounts.http import give_connection_back
from generations import submission

# For the whole form, files included. A proxy in front should allow as much.
MOST_BYTES = 80_000_000


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Write each file to disk, up to `most` bytes.

    The rest of a larger file is dropped. Its `size` stays as sent, and the form refuses it.
    """

    def __init__(self, request: HttpRequest, *, most: int) -> None:
        super().__init__(request)
        self._most = most

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) <= self._most:
            super().receive_data_chunk(raw_data, start)


def expect_files(request: HttpRequest, *, most: int = submission.MAX_BYTES) -> None:
    """Accept files of up to `most` bytes in the body of `request`. Without this call they are
    dropped.

    The database connection is returned to the pool first, because a client may send slowly.
    """
    request.upload_handlers = [BoundedUploadHandler(request, most=most)]
    give_connection_back()
