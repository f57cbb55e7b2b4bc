import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.factories import make_outlet


class Receiver:
    """An HTTP server in place of a chat. It keeps what it gets, and answers with `status`."""

    def __init__(self):
        self.posts, self.status, self.headers = [], 200, {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def texts(self):
        return [json.loads(body) for _headers, body in self.posts]

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append((dict(self.headers), body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_arguments):
                pass

        return Handler


@pytest.fixture(scope="package")
def _receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def receiver(_receiver, settings):
    """A receiver that the studio may call, although its address is private."""
    _receiver.posts, _receiver.status, _receiver.headers = [], 200, {}
    settings.PROVIDER_PRIVATE_HOSTS = [_receiver.host]
    return _receiver


@pytest.fixture
def outlet(db, receiver):
    return make_outlet(f"http://{receiver.host}/services/T0/B0/very-secret")
