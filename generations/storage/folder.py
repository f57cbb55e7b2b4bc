"""Files in a folder of this machine."""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from django.core.files.storage import FileSystemStorage

from generations.storage import compared

# Beside the files, so that a file written here can be moved into place in one step.
PARTS = ".parts"
# Longer than writing any file takes.
LEFTOVER_SECONDS = 3600


class AtomicFileSystemStorage(FileSystemStorage):
    """Files in a folder. A file appears whole or not at all; writing it again replaces it."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        part = self._part(content)
        try:
            part.replace(target)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return name

    def compared(self, name: str, *, sha256: str) -> BinaryIO:
        """The open file, after comparing it. Raises as `compared.opened`."""
        return compared.opened(Path(self.path(name)), name, sha256=sha256)

    @property
    def parts(self) -> Path:
        """The folder for files that are not complete."""
        folder = Path(self.path(PARTS))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def adopt(self, name: str, part: Path) -> None:
        """Move a complete file from the folder `parts` into place, whatever its size."""
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        part.replace(target)

    def _part(self, content: Any) -> Path:
        """Write the content to a temporary file and sync it. A failure leaves no file."""
        with tempfile.NamedTemporaryFile(dir=self.parts, delete=False) as part:
            path = Path(part.name)
            try:
                for chunk in content.chunks():
                    part.write(chunk)
                part.flush()
                os.fsync(part.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return path

    def sweep(self) -> int:
        """Remove files that killed processes left half-written; return how many."""
        return sweep(Path(self.path(PARTS)))


def sweep(folder: Path) -> int:
    """Remove files from `folder` that have not been written to for an hour; return how many."""
    old = time.time() - LEFTOVER_SECONDS
    swept = 0
    for part in folder.glob("*"):
        with suppress(FileNotFoundError):  # moved into place or swept meanwhile
            if part.stat().st_mtime < old:
                part.unlink()
                swept += 1
    return swept
