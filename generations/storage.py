"""Where originals and renditions lie. Nothing here is public: views check rights and stream.

Names are fixed by what they hold, so that writing twice is harmless and a file can be found by
whoever takes over from a worker that died.
"""

import os
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages


class AtomicFileSystemStorage(FileSystemStorage):
    """Files in a folder that appear whole or not at all; a name written again is replaced."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as part:
            for chunk in content.chunks():
                part.write(chunk)
            part.flush()
            os.fsync(part.fileno())
        Path(part.name).replace(target)
        return name


def originals() -> Storage:
    return storages["originals"]


def renditions() -> Storage:
    return storages["renditions"]


def original_name(generation: UUID, *, attempt: int, index: int) -> str:
    return f"{generation}/{attempt}/{index}"


def rendition_name(image: UUID, *, recipe: str, extension: str) -> str:
    return f"{image}/{recipe}.{extension}"


def reference_name(sha256: str) -> str:
    return f"references/{sha256[:2]}/{sha256}"


def save_original(name: str, data: bytes) -> None:
    """Keep the provider's bytes. What stands under this name already is never replaced."""
    if not originals().exists(name):
        originals().save(name, ContentFile(data))


def save_rendition(name: str, data: bytes) -> None:
    renditions().save(name, ContentFile(data))


def read(storage: Storage, name: str) -> bytes:
    with storage.open(name, "rb") as file:
        return file.read()
