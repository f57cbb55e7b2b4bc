"""The only door to httpx: one exchange in bounded time, and what its answer means.

The one table of what follows a submit:

    connect, name, TLS handshake, pool           NotSent
    429, 503                                     Unavailable, with Retry-After
    500, 502 where the provider's page says
      that nothing was accepted                  Unavailable
    other 4xx                                    Refused
    anything else: other 5xx, redirects, broken
      connections, time-outs, unreadable 2xx     OutcomeUnknown

An adapter may overrule a row for one answer by naming the exception in its `Fault`, with the page
that says so. Reading is safe to repeat, so where a submit would be `OutcomeUnknown` a read is
`Unavailable`. A poll ends a task only by `TaskFailed`, which adapters raise; all else that it
raises, a 404 included, says nothing about the pictures and is asked again later.
"""

import logging
import re
import ssl
import threading
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, ClassVar

import httpcore
import httpx
from django.utils.functional import Promise

from generations.providers.addresses import checked_base_url, host_ports, origin
from generations.providers.answers import (
    Answer,
    Fault,
    Parsed,
    fault_in,
    retry_after,
    short,
    taken,
    understood,
)
from generations.providers.base import ImageProvider
from generations.providers.errors import (
    Code,
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
)
from generations.providers.network import GuardedBackend, Resolver, TimedBackend, time_limit
from generations.providers.types import Accepted, InProgress, Payload, Result, TaskRef

# Named, because some gateways refuse the default names of HTTP libraries.
USER_AGENT = "SeedreamStudio/0.1"
ANSWER_BYTES = 2_000_000
CONNECT_SECONDS = 10.0
POLL_SECONDS = 30.0
KEPT_CONNECTIONS = 64

CODES = {
    400: Code.INVALID_REQUEST,
    401: Code.AUTH,
    402: Code.INSUFFICIENT_BALANCE,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    408: Code.TIMEOUT,
    429: Code.RATE_LIMITED,
    504: Code.TIMEOUT,
}

NOT_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
)
BROKEN = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpx.HTTPError,
    OSError,
)
# They write addresses and headers, and result links are secrets for as long as they live.
for name in ("httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.WARNING)


class Transport(httpx.BaseTransport):
    """httpx over our own sockets; raises httpcore's exceptions as they are."""

    def __init__(self, backend: httpcore.NetworkBackend, *, kept_connections: int) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(),
            max_connections=None,
            max_keepalive_connections=kept_connections,
            keepalive_expiry=CONNECT_SECONDS,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _client(transport: Transport) -> httpx.Client:
    """A client that keeps nothing between calls: no cookies, no proxies or keys from outside."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx.Client(
        transport=transport,
        cookies=no_cookies,
        trust_env=False,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


_shared: dict[int, httpx.Client] = {}
_sharing = threading.Lock()


def _shared_client(kept_connections: int) -> httpx.Client:
    with _sharing:
        if kept_connections not in _shared:
            transport = Transport(TimedBackend(), kept_connections=kept_connections)
            _shared[kept_connections] = _client(transport)
        return _shared[kept_connections]


def reading_client() -> httpx.Client:
    """The client for polls, shared by all threads of a process; its connections are kept."""
    return _shared_client(KEPT_CONNECTIONS)


def submit_client() -> httpx.Client:
    """The client for submits: shared too, but with a new connection for each.

    A kept connection may be closed by the other side just as a submit is written to it, and then
    nobody can tell whether it was read. That doubt would cost more than a handshake.
    """
    return _shared_client(0)


def close_clients() -> None:
    """Close the connections of the shared clients; the next call opens new ones."""
    with _sharing:
        while _shared:
            _shared.popitem()[1].close()


@dataclass(frozen=True)
class Arriving:
    """An answer whose body is still on the way."""

    status: int
    headers: httpx.Headers = field(repr=False)
    chunks: Iterator[bytes] = field(repr=False)


@contextmanager
def exchange(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    timeout: float,
) -> Iterator[Arriving]:
    """Send one request; `timeout` is the total time in seconds, the reading of the body included.

    Redirects are not followed. Raises `NotSent` where no byte of the request left this machine and
    `OutcomeUnknown` for every other trouble on the way.
    """
    limits = httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
    with (
        time_limit(timeout),
        _sorted_trouble(),
        client.stream(method, url, headers=headers, content=content, timeout=limits) as response,
    ):
        yield Arriving(response.status_code, response.headers, _chunks(response))


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    with _sorted_trouble():
        yield from response.iter_bytes()


@contextmanager
def _sorted_trouble() -> Iterator[None]:
    try:
        yield
    except NOT_SENT as error:
        raise NotSent(raw_code=type(error).__name__) from error
    except BROKEN as error:
        raise OutcomeUnknown(raw_code=type(error).__name__) from error


@contextmanager
def guarded_get(
    url: str, *, timeout: float, private_hosts: Collection[str], resolver: Resolver
) -> Iterator[Arriving]:
    """GET `url` without credentials, from a public address or one of `private_hosts`.

    Raises as `exchange`, and `AddressRefused`.
    """
    backend = GuardedBackend(host_ports(private_hosts), resolver=resolver)
    with (
        _client(Transport(backend, kept_connections=0)) as client,
        exchange(client, "GET", url, timeout=timeout) as arriving,
    ):
        yield arriving


class HttpProvider(ImageProvider):
    """A provider spoken to over HTTP; an adapter fills the holes and leaves the talking here."""

    # 500 and 502 that the provider's page says came before anything was accepted.
    nothing_accepted: ClassVar[Collection[int]] = ()
    # Where engines whose capabilities say `takes_idempotency_key` take it; empty: nowhere.
    idempotency_header: ClassVar[str] = ""
    request_id_header: ClassVar[str] = "x-request-id"
    # The largest answer in bytes; engines that send pictures within the answer need more.
    answer_bytes: ClassVar[int] = ANSWER_BYTES
    # What the provider's page advises, by its own code in the form of `plain_code`.
    page_advice: ClassVar[Mapping[str, str | Promise]] = {}

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        private_hosts: Collection[str] = (),
        user_agent: str = USER_AGENT,
    ) -> None:
        """Raises `Misconfigured` for an address or a key that can't be right."""
        self.base_url = checked_base_url(base_url, private_hosts=host_ports(private_hosts))
        self._api_key = _checked_key(api_key)
        self._user_agent = user_agent

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"

    def credentials(self) -> dict[str, str]:
        """The headers that carry the key."""
        return {"Authorization": f"Bearer {self._api_key}"}

    @abstractmethod
    def parse_submit(self, answer: Answer) -> Accepted | Result:
        """Read a 2xx answer to a submit; what it trips over makes the outcome unknown."""

    def poll_path(self, task: TaskRef) -> str:
        """Where to ask for `task`: a path, or a link on the host of `base_url`."""
        raise NotImplementedError("An engine that answers at once has nothing to poll.")

    def parse_poll(self, answer: Answer, task: TaskRef) -> InProgress | Result:
        """Read a 2xx answer to a poll. Raises `TaskFailed` for a task without a picture."""
        raise NotImplementedError("An engine that answers at once has nothing to poll.")

    def read_fault(self, answer: Answer) -> Fault:
        """What an error answer says in the provider's own words."""
        return Fault()

    def submit(
        self, payload: Payload, *, timeout: float, idempotency_key: str = ""
    ) -> Accepted | Result:
        headers = {"Content-Type": "application/json"} | dict(payload.headers)
        if idempotency_key and self.idempotency_header:
            headers[self.idempotency_header] = idempotency_key
        answer = self.call(
            submit_client(),
            "POST",
            payload.path,
            headers=headers,
            content=payload.body,
            timeout=timeout,
        )
        if not answer.ok:
            raise self.failure(answer)
        return understood(self.parse_submit, answer, OutcomeUnknown())

    def poll(self, task: TaskRef) -> InProgress | Result:
        return self.read(self.poll_path(task), lambda answer: self.parse_poll(answer, task))

    def read(self, path: str, parse: Callable[[Answer], Parsed]) -> Parsed:
        """GET `path` and read its answer with `parse`.

        Raises `NotSent`, `Unavailable` or `Refused`, and whatever `parse` raises on purpose.
        """
        try:
            answer = self.call(reading_client(), "GET", path, timeout=POLL_SECONDS)
        except OutcomeUnknown as error:
            raise Unavailable(code=Code.CONNECTION, raw_code=error.raw_code) from error
        if not answer.ok:
            raise self.failure(answer, unsure=Unavailable)
        return understood(parse, answer, Unavailable(code=Code.BAD_RESPONSE))

    def call(
        self,
        client: httpx.Client,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float,
    ) -> Answer:
        """Send one request with the key and take the whole answer. Raises as `exchange`."""
        headers = self.credentials() | {"User-Agent": self._user_agent} | dict(headers or {})
        url = self._url(path)
        with exchange(
            client, method, url, headers=headers, content=content, timeout=timeout
        ) as arriving:
            body, complete = taken(arriving.chunks, self.answer_bytes)
        request_id = short(arriving.headers.get(self.request_id_header, ""))
        return Answer(arriving.status, arriving.headers, body, complete, request_id)

    def failure(
        self,
        answer: Answer,
        *,
        status: int | None = None,
        unsure: type[ProviderError] = OutcomeUnknown,
    ) -> ProviderError:
        """The error that `answer` amounts to, by the table above.

        `status` is for providers that put it into the body of a 200. `unsure` is what is raised
        where nobody can tell.
        """
        status = status or answer.status
        fault = fault_in(answer, self.read_fault)
        kind = fault.error or self._kind(status) or unsure
        return kind(
            short(fault.message),
            code=None if kind is OutcomeUnknown else fault.code or CODES.get(status),
            raw_code=short(fault.raw_code) or str(status),
            request_id=answer.request_id,
            retry_after=retry_after(answer.headers.get("retry-after", "")),
        )

    def _kind(self, status: int) -> type[ProviderError] | None:
        if status in (429, 503) or (status in (500, 502) and status in self.nothing_accepted):
            return Unavailable
        return Refused if 400 <= status < 500 else None

    def _url(self, path: str) -> str:
        """The full address of `path`; the key goes nowhere but to the host of `base_url`."""
        if "://" not in path:
            return self.base_url + path
        if origin(path) != origin(self.base_url):
            raise ProviderError(code=Code.BAD_RESPONSE, raw_code="link to another host")
        return path


def _checked_key(api_key: str) -> str:
    if not re.fullmatch(r"[!-~]+", api_key):
        raise Misconfigured("The API key is empty or has characters that no key has.")
    return api_key
