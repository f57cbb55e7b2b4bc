"""A browser that calls the WSGI application directly, without Django's test client."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from django.urls import reverse

from accounts.models import User

CSRF = "c" * 32
# What `hello` took in milliseconds of processor time on the machine where the targets were set.
HELLO_MS = 0.29


def hello() -> Callable[[], None]:
    """A request of nobody to `/healthz`, which passes the middleware and does nothing else.

    Targets grow with what it takes here.
    """
    browser, url = Browser(None), reverse("healthz")

    def ask() -> None:
        browser.get(url)
        assert browser.status.startswith("200"), browser.status

    return ask


class Browser:
    """Calls the application without a network, as a person or, without one, signed out.

    Keeps `status` and `headers` of the last answer.
    """

    def __init__(self, user: User | None) -> None:
        self.cookie = f"csrftoken={CSRF}"
        if user is not None:
            client = Client()
            client.force_login(user)
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            self.cookie += f"; {settings.SESSION_COOKIE_NAME}={session}"
        self.application = WSGIHandler()
        self.status = ""
        self.headers: dict[str, str] = {}

    def get(self, url: str, **headers: str) -> bytes:
        return self._call("GET", url, b"", headers)

    def post(self, url: str, fields: dict[str, Any]) -> bytes:
        return self._call(
            "POST", url, urlencode(fields | {"csrfmiddlewaretoken": CSRF}).encode(), {}
        )

    def first_bytes(self, url: str, **headers: str) -> tuple[bytes, int]:
        """The first part of a long answer, and how long all of it is; the rest is not read."""
        response = self._answer("GET", url, b"", headers)
        try:
            return next(iter(response)), int(self.headers["Content-Length"])
        finally:
            response.close()

    def _call(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> bytes:
        response = self._answer(method, url, body, headers)
        try:
            return b"".join(response)
        finally:
            response.close()

    def _answer(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Any:
        path, _, query = url.partition("?")
        return self.application(
            {
                "REQUEST_METHOD": method,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "SERVER_NAME": "localhost",
                "SERVER_PORT": "80",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "CONTENT_TYPE": "application/x-www-form-urlencoded",
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_COOKIE": self.cookie,
                "HTTP_ACCEPT_ENCODING": "gzip",
                "wsgi.input": io.BytesIO(body),
                "wsgi.errors": io.StringIO(),
                "wsgi.url_scheme": "http",
                **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
            },
            self._start,
        )

    def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status, self.headers = status, dict(headers)
