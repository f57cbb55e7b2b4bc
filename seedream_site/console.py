"""The terminal of `make run`: shows the lines of all programs, each after its program's name.

A program writes to a named pipe, which the supervisor opens as the program's log file.
"""

import os
import selectors
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TextIO

CHUNK_BYTES = 65_536


class Console:
    """Copies lines from pipes to `out`, as `name | line`.

    It continues to read when `out` is gone, and then sets `is_gone`: a program whose pipe nobody
    reads would block at its next line.
    """

    def __init__(self, out: TextIO) -> None:
        self.is_gone = False
        self._out = out
        self._selector = selectors.DefaultSelector()
        self._streams = ExitStack()
        self._unfinished: dict[str, bytes] = {}

    def follow(self, stream: IO[bytes], *, name: str) -> None:
        """Show what is written to `stream`, which is closed with this console."""
        self._streams.enter_context(stream)
        self._selector.register(stream, selectors.EVENT_READ, name)
        self._unfinished[name] = b""

    def follow_pipe(self, path: Path, *, name: str) -> None:
        """Make the named pipe `path` and show what is written to it. Raises `OSError`."""
        path.unlink(missing_ok=True)
        os.mkfifo(path, mode=0o600)
        # Opened for reading and writing, so that the pipe does not end while its program restarts.
        self.follow(path.open("rb+", buffering=0), name=name)

    def show(self, *, wait_seconds: float) -> None:
        """Show what has been written, after waiting up to `wait_seconds` for some output."""
        for key, _ in self._selector.select(wait_seconds):
            chunk = os.read(key.fd, CHUNK_BYTES)
            if not chunk:
                self._selector.unregister(key.fileobj)
            for line in self._lines(key.data, chunk):
                self.say(line)

    def say(self, text: str) -> None:
        """Show a text without a program's name before it."""
        try:
            self._out.write(f"{text}\n")
            self._out.flush()
        except OSError:
            self.is_gone = True

    def close(self) -> None:
        self._selector.close()
        self._streams.close()

    def _lines(self, name: str, chunk: bytes) -> Iterator[str]:
        *lines, self._unfinished[name] = (self._unfinished[name] + chunk).split(b"\n")
        width = max(map(len, self._unfinished))
        for line in lines:
            yield f"{name:<{width}} | {line.decode(errors='replace')}"
