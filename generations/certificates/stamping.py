"""Signs with time stamps of the authority that a setting names, within 10 seconds, or not at all.

The authority is asked by another process (`labelling.stamping_program`), which is killed if it does
not answer in time. It is started for the first stamp, and serves all later ones.
"""

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock, Timer

from generations.labelling.manifests.signing import Key, NoStamp, Request
from generations.labelling.manifests.stamping_program import FAILED, KEY

PROGRAM = "generations.labelling.manifests.stamping_program"
PROJECT = Path(__file__).resolve().parents[2]
# For all files of an image together.
SECONDS = 10.0
# An authority that has failed is left alone for so long: nothing waits for it again and again.
REST_SECONDS = 60.0

# A process, and the connection to it.
Started = tuple["subprocess.Popen[bytes]", Connection]


class Stamps:
    """Time stamps for the files of one image."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._left = SECONDS

    def __call__(self, request: Request, key: Key) -> bytes:
        """The signed file with a time stamp. Raises NoStamp."""
        began = time.monotonic()
        try:
            return _helper(os.getpid()).sign(replace(request, url=self._url), key, self._left)
        finally:
            self._left -= time.monotonic() - began


class Helper:
    """The other process. Threads may share it; they take turns."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._process: Started | None = None
        self._rests_until = 0.0

    def sign(self, request: Request, key: Key, seconds: float) -> bytes:
        """What the process answers within `seconds`. Raises NoStamp."""
        until = time.monotonic() + seconds
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            raise NoStamp("others wait for the authority")
        try:
            if time.monotonic() < self._rests_until:
                raise NoStamp("the authority has failed within the last minute")
            return self._ask(request, key, until)
        finally:
            self._turn.release()

    def end(self) -> None:
        """Kill the process, if there is one. The next request starts another."""
        if self._process:
            process, connection = self._process
            connection.close()
            process.kill()
            process.wait()
            self._process = None

    def _ask(self, request: Request, key: Key, until: float) -> bytes:
        try:
            kind, content = self._exchange(request, key, until)
        except Exception as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            raise NoStamp(f"the authority does not answer: {type(error).__name__}") from error
        if kind == FAILED:
            self._rests_until = time.monotonic() + REST_SECONDS
            raise NoStamp(content.decode())
        return content

    def _exchange(self, request: Request, key: Key, until: float) -> tuple[str, bytes]:
        """The last answer to a request. Ends the process, and raises anything, if there is none.

        A process that is killed closes its end, and no call below waits longer.
        """
        process, connection = self._process or self._start()
        killer = Timer(max(0.0, until - time.monotonic()), process.kill)
        killer.daemon = True
        killer.start()
        try:
            connection.send(request)
            kind, content = connection.recv()
            while kind == KEY:
                connection.send(key(content))
                kind, content = connection.recv()
        except BaseException:
            # A late answer must not be taken for the answer to another request.
            self.end()
            raise
        finally:
            killer.cancel()
        return kind, content

    def _start(self) -> Started:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", PROGRAM, str(theirs.fileno())]
            process = subprocess.Popen(  # noqa: S603  # our own program
                command, cwd=PROJECT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
        self._process = process, Connection(ours.detach())
        return self._process


def forget() -> None:
    """End this process's helper, and ask the authority again at once."""
    _helper(os.getpid()).end()
    _helper.cache_clear()


@lru_cache(maxsize=1)
def _helper(_pid: int) -> Helper:
    """One for each process: after a fork, the parent's belongs to the parent."""
    return Helper()
