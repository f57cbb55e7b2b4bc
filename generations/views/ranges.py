"""Answers with a part of a large file, so that a browser can resume a download (RFC 9110, 14)."""

import re
from collections.abc import Iterator

from django.http import HttpRequest

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Unsatisfiable(Exception):
    """The request asks for bytes that the file does not have."""


def asked_for(request: HttpRequest, *, size: int, etag: str) -> range | None:
    """The bytes of a file of `size` bytes that `request` asks for; None for the whole file.

    What can't be read as one range asks for the whole file, as does a range of a file that has
    another `etag`. Raises Unsatisfiable.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if not found or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = found.groups()
    if not first:
        return _last_bytes(last, size)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:  # not a range at all
        return None
    if start >= size:
        raise Unsatisfiable
    return range(start, end + 1)


def _last_bytes(count: str, size: int) -> range | None:
    if not count:
        return None
    if int(count) == 0 or size == 0:
        raise Unsatisfiable
    return range(max(0, size - int(count)), size)


def first_bytes(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The first `count` bytes of `chunks`, in chunks; closes what it reads from."""
    try:
        for chunk in chunks:
            yield chunk[:count]
            count -= len(chunk)
            if count <= 0:
                return
    finally:
        chunks.close()  # type: ignore[attr-defined]
