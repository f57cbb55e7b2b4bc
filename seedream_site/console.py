"""The terminal of `make run`: every program's lines, each behind the name of its program.

A program writes into a named pipe, which the supervisor opens as that program's log file.
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

    It reads on when `out` is gone, and says so in `is_gone`: a program whose pipe nobody reads
    would stop at its next line.
    """

    def __init__(self, out: TextIO) -> None:
        self.is_gone = False
        self._out = out
        self._selector = selectors.DefaultSelector()
        self._streams = ExitStack()
        self._unfinished: dict[str, bytes] = {}

    def follow(self, stream: IO[bytes], *, name: str) -> None:
        """Shows what is written to `stream`, which is closed with this console."""
        self._streams.enter_context(stream)
        self._selector.register(stream, selectors.EVENT_READ, name)
        self._unfinished[name] = b""

    def follow_pipe(self, path: Path, *, name: str) -> None:
        """Makes the named pipe `path` and shows what is written to it. Raises `OSError`."""
        path.unlink(missing_ok=True)
        os.mkfifo(path, mode=0o600)
        # Open both ways: so the pipe does not end while its program is being restarted.
        self.follow(path.open("rb+", buffering=0), name=name)

    def show(self, *, wait_seconds: float) -> None:
        """Shows what has been written, waiting up to `wait_seconds` for the first of it."""
        for key, _ in self._selector.select(wait_seconds):
            chunk = os.read(key.fd, CHUNK_BYTES)
            if not chunk:
                self._selector.unregister(key.fileobj)
            for line in self._lines(key.data, chunk):
                self.say(line)

    def say(self, text: str) -> None:
        """Shows a text of our own, as it is."""
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
