"""One connection of the emulator: reads a request, applies its trouble, answers."""

import contextlib
import json
import socket
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.emulator import control
from tests.emulator.chapter import SECRET_HEADERS, Call, Chapter, LoggedCall, Reply, Route
from tests.emulator.troubles import Drop, Hold, Trouble

if TYPE_CHECKING:
    from tests.emulator.server import Emulator

FLOOD_BYTES = 0x10000
FLOOD_CHUNK = b"%x\r\n" % FLOOD_BYTES + bytes(FLOOD_BYTES) + b"\r\n"


class Server(ThreadingHTTPServer):
    """Keeps a list of its connections, so that `stop` can end them all."""

    request_queue_size = 256
    daemon_threads = False

    def __init__(self, address: tuple[str, int], emulator: "Emulator") -> None:
        super().__init__(address, Handler)
        self.emulator = emulator
        self.connections: set[socket.socket] = set()

    def hang_up_all(self) -> None:
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Some tests are about clients that go away in the middle of an answer.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(ConnectionError):
            super().finish()

    def log_message(self, *_arguments: object) -> None:
        """Print nothing: the emulator has its own log."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith(control.PREFIX):
            self._send(control.answer(self.server.emulator, self.command, path, self._body()))
            return
        found = self.server.emulator.chapter_at(path)
        if found is None:
            self._send(Reply(404, {"error": "No provider lives here."}))
        else:
            self._meet(*found)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _meet(self, chapter: Chapter, path: str) -> None:
        emulator = self.server.emulator
        found = chapter.find(self.command, path)
        log = self._noted(chapter, found[0] if found else None)
        trouble = emulator.next_trouble(chapter.name, log.route, dict(self.headers))
        if trouble.drop is Drop.UNREAD:
            self._hang_up()
            return
        call = Call(self.command, path, log.query, dict(self.headers), self._body(), log, trouble)
        log.body = _as_json(call.body)
        delay = trouble.delay or emulator.answer_seconds
        if delay and emulator.stopping.wait(delay):
            return
        if trouble.hold is Hold.ANSWER and not emulator.gate.wait():
            return
        reply = self._reply(chapter, found, call)
        if trouble.drop is Drop.ANSWER:
            self._hang_up()
            return
        log.status = reply.status
        self._send(reply, trouble)

    def _noted(self, chapter: Chapter, route: Route | None) -> LoggedCall:
        url = urlsplit(self.path)
        log = LoggedCall(
            provider=chapter.name,
            route=route.name if route else "",
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            headers={
                name: value
                for name, value in self.headers.items()
                if name.lower() not in SECRET_HEADERS
            },
            at=time.time(),
            peer=self.client_address[1],
        )
        self.server.emulator.note(log)
        return log

    def _reply(
        self, chapter: Chapter, found: tuple[Route, dict[str, str]] | None, call: Call
    ) -> Reply:
        trouble = call.trouble
        if found is None:
            return chapter.error(404)
        route, call.parts = found
        reply = Reply()
        if trouble.accept or not trouble.replaces_answer:
            reply = chapter.handle(route, call)
        if trouble.replaces_answer:
            reply = _replacement(chapter, trouble)
        return _dressed(reply, trouble)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, reply: Reply, trouble: Trouble | None = None) -> None:
        trouble = trouble or Trouble()
        if trouble.flood:
            self._flood(reply, trouble.flood)
            return
        if reply.pieces is not None:
            self._stream(reply, trouble)
            return
        content = reply.content()
        head = self._head(reply, {"Content-Length": str(len(content))})
        if trouble.drop is Drop.MIDWAY:
            self.wfile.write(head + content[: len(content) // 2])
            self._hang_up()
        elif trouble.hold is Hold.MIDWAY:
            self._halt(head + content)
        elif trouble.drip:
            self._drip(head + content, trouble.drip)
        else:
            self.wfile.write(head + content)

    def _head(self, reply: Reply, length: dict[str, str]) -> bytes:
        headers = {"Content-Type": reply.content_type} | length | dict(reply.headers)
        lines = [
            f"HTTP/1.1 {reply.status} {_phrase(reply.status)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def _halt(self, content: bytes) -> None:
        half = len(content) // 2
        self.wfile.write(content[:half])
        if self.server.emulator.gate.wait():
            self.wfile.write(content[half:])

    def _drip(self, content: bytes, seconds: float) -> None:
        for byte in content:
            if self.server.emulator.stopping.wait(seconds):
                return
            self.wfile.write(bytes([byte]))

    def _stream(self, reply: Reply, trouble: Trouble) -> None:
        """Send piece by piece; halfway means after the first piece."""
        self.wfile.write(self._head(reply, {"Transfer-Encoding": "chunked"}))
        for piece in reply.pieces or ():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            if trouble.hold is Hold.MIDWAY and not self.server.emulator.gate.wait():
                return
            if trouble.drop is Drop.MIDWAY:
                self._hang_up()
                return
        self.wfile.write(b"0\r\n\r\n")

    def _flood(self, reply: Reply, size: int) -> None:
        self.wfile.write(self._head(reply, {"Transfer-Encoding": "chunked"}))
        for _ in range(0, size, FLOOD_BYTES):
            self.wfile.write(FLOOD_CHUNK)
        self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _replacement(chapter: Chapter, trouble: Trouble) -> Reply:
    status = trouble.status or 200
    if trouble.raw is not None:
        return Reply(status, trouble.raw.encode(), trouble.content_type or "text/plain")
    if trouble.body is not None:
        return Reply(status, trouble.body)
    return chapter.error(status) if status >= 400 else Reply(status, {})


def _dressed(reply: Reply, trouble: Trouble) -> Reply:
    body = reply.body
    if trouble.extra and isinstance(body, dict):
        body = body | dict(trouble.extra)
        if isinstance(body.get("data"), dict):
            body["data"] = body["data"] | dict(trouble.extra)
    return Reply(
        reply.status,
        body,
        trouble.content_type or reply.content_type,
        dict(reply.headers) | dict(trouble.headers),
        reply.pieces,
    )


def _as_json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
