"""gunicorn's worker with threads, changed so that a slow client costs little.

gunicorn's own worker (27.0, `workers/gthread.py`) gives a new connection to a thread at once. The
thread waits 5 s for the first byte and then reads header and body without a time limit, and the
loop that accepts connections waits up to 2 s for each client that does not hang up. Here a new
connection waits for its first byte in the loop, as idle ones do; every read and write has a time
limit; and a thread waits for clients that do not hang up.
"""

import errno
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

FIRST_BYTE_SECONDS = 15
# From the first byte of a request to the end of its header.
HEADER_SECONDS = 10
# Between two bytes of a body; the whole body may take this plus a second for each 20 KB.
BODY_SECONDS = 15
BODY_BYTES_A_SECOND = 20_000
# For a client that reads nothing of its answer.
WRITE_SECONDS = 30

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class BoundedSocket(socket.socket):
    """A client's socket on which no blocking read or write waits for ever.

    A client that exceeds a limit counts as disconnected.
    """

    _until = 0.0
    gave_up = False

    def allow(self, seconds: float) -> None:
        """Limit all reads from now on to this many seconds together."""
        self._until = time.monotonic() + seconds

    def recv(self, *args: Any) -> bytes:
        left = max(self._until - time.monotonic(), 0.001)
        return self._bounded(min(left, BODY_SECONDS), super().recv, *args)

    def sendall(self, *args: Any) -> None:
        self._bounded(WRITE_SECONDS, super().sendall, *args)

    def sendfile(self, *args: Any, **kwargs: Any) -> int:
        return self._bounded(WRITE_SECONDS, partial(super().sendfile, **kwargs), *args)

    def _bounded(self, seconds: float, act: Callable[..., Any], *args: Any) -> Any:
        if self.gettimeout() is not None:  # gunicorn counts the time itself
            return act(*args)
        self.settimeout(seconds)
        try:
            return act(*args)
        except TimeoutError as error:
            self.gave_up = True
            raise ConnectionResetError(errno.ECONNRESET, "the client was too slow") from error
        finally:
            self.settimeout(None)


class Connection(TConn):
    """A connection that both its thread and the loop may close."""

    def close(self, graceful: bool = False) -> None:
        if self.sock.fileno() != -1:
            super().close(graceful=graceful and not self.sock.gave_up)


class PatientWorker(ThreadWorker):
    """The worker class that `seedream_site.programs` names."""

    def accept(self, listener: Any) -> None:
        """Let a new connection wait for its first byte in the loop."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        bounded = BoundedSocket(fileno=client.detach())
        conn = Connection(self.cfg, bounded, address, listener.getsockname())
        conn.timeout = time.monotonic() + FIRST_BYTE_SECONDS
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(bounded, selectors.EVENT_READ, readable)

    def handle(self, conn: Connection) -> Any:
        """Serve one request; returns whether the connection stays open."""
        conn.sock.allow(HEADER_SECONDS)
        goes_on = super().handle(conn)
        if not goes_on:
            conn.close(graceful=True)
        return goes_on

    def handle_request(self, req: Any, conn: Connection) -> Any:
        conn.sock.allow(BODY_SECONDS + _length(req) / BODY_BYTES_A_SECOND)
        return super().handle_request(req, conn)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi: Application = obeying_close(self.wsgi)


def obeying_close(application: Application) -> Application:
    """Wrap `application` so that gunicorn obeys the header `Connection: close`, which it drops."""

    def obeying(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if ("Connection", "close") in headers:
                start_response.__self__.force_close()
            return start_response(status, headers, exc_info)

        return application(environ, start)

    return obeying


def _length(req: Any) -> int:
    length = dict(req.headers).get("CONTENT-LENGTH", "0")
    return int(length) if length.isascii() and length.isdigit() else 0
