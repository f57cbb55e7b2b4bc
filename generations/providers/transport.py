"""The only module that uses httpx: one exchange in limited time, over the studio's own sockets.

`http.py` decides what an answer means; here a request either gets its answer or does not.
"""

import logging
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpcore
import httpx

from generations.providers.addresses import host_ports
from generations.providers.errors import NotSent, OutcomeUnknown
from generations.providers.network import (
    AddressRefused,
    GuardedBackend,
    NoConnection,
    Reason,
    Resolver,
    TimedBackend,
    time_limit,
)

# Set because some gateways refuse the default names of HTTP libraries.
USER_AGENT = "SeedreamStudio/0.1"
CONNECT_SECONDS = 10.0
KEPT_CONNECTIONS = 8
LOCATION = b"location"
HEADERS = httpx.Headers(
    {
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "User-Agent": USER_AGENT,
    }
)

# They log addresses and headers, and result links are secrets while they are valid.
for name in ("httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.WARNING)


class Client(httpx.BaseTransport):
    """Sends requests over the studio's own sockets. Raises httpcore's exceptions unchanged.

    It keeps connections between calls, and nothing else: no cookies, proxies or keys from outside.
    `httpx.Client` would do the same more slowly: it parses each address twice and each answer's
    cookies, and a worker polls some hundred times a second. It also parses the header `Location`,
    and an invalid one would lose the whole answer, so here this header is passed on as an
    extension.
    """

    def __init__(self, backend: httpcore.NetworkBackend, *, kept_connections: int) -> None:
        self.is_closed = False
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
        location = httpx.Headers(answer.headers).get("location", "")
        return httpx.Response(
            answer.status,
            headers=[(name, value) for name, value in answer.headers if name.lower() != LOCATION],
            stream=_Body(answer.stream),
            extensions={**answer.extensions, "location": location},
        )

    def close(self) -> None:
        self.is_closed = True
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


_own = threading.local()
_opened: list[Client] = []
_opening = threading.Lock()


def _open(name: str, kept_connections: int) -> Client:
    """This thread's client of that name.

    A shared client would be slower: httpcore checks every idle connection of a pool, under a lock,
    whenever a request begins or ends.
    """
    client: Client | None = getattr(_own, name, None)
    if client is None or client.is_closed:
        client = Client(TimedBackend(), kept_connections=kept_connections)
        setattr(_own, name, client)
        with _opening:
            _opened.append(client)
    return client


def reading_client() -> Client:
    """This thread's client for polls and other reads; it keeps its connections."""
    return _open("reading", KEPT_CONNECTIONS)


def submit_client() -> Client:
    """This thread's client for submits; it makes a new connection for each.

    The other side may close a kept connection just as a submit is written to it. Nobody could then
    tell whether the submit was read, and that doubt would cost more than a handshake.
    """
    return _open("submit", 0)


def close_clients() -> None:
    """Close the connections of all clients; the next call opens new ones."""
    with _opening:
        while _opened:
            _opened.pop().close()


@dataclass(frozen=True)
class Arriving:
    """An answer whose body is still arriving; `location` is the target of a redirect."""

    status: int
    headers: httpx.Headers = field(repr=False)
    chunks: Iterator[bytes] = field(repr=False)
    location: str = field(default="", repr=False)


@contextmanager
def exchange(
    client: Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    timeout: float,
) -> Iterator[Arriving]:
    """Send one request; `timeout` is the total time in seconds, reading the body included.

    Redirects are not followed. Raises `NotSent`, with a `Reason` as its `raw_code`, if no byte of
    the request left this machine, and `OutcomeUnknown` for any other trouble on the way.
    """
    limits = httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
    with time_limit(timeout):
        try:
            request = _request(method, url, headers, content, limits)
        except (httpx.InvalidURL, ValueError) as error:
            raise NotSent(raw_code=Reason.ADDRESS) from error
        with _sorted_trouble():
            response = client.handle_request(request)
        try:
            yield Arriving(
                response.status_code,
                response.headers,
                _chunks(response),
                response.extensions["location"],
            )
        finally:
            # What was read is complete, even if closing the connection fails.
            with suppress(Exception):
                response.close()


def _request(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    content: bytes | None,
    limits: httpx.Timeout,
) -> httpx.Request:
    sent = HEADERS.copy()
    sent.update(headers)
    extensions = {"timeout": limits.as_dict()}
    return httpx.Request(method, url, headers=sent, content=content, extensions=extensions)


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    with _sorted_trouble():
        yield from response.iter_bytes()


@contextmanager
def _sorted_trouble() -> Iterator[None]:
    try:
        yield
    except (AddressRefused, MemoryError):
        raise
    except NoConnection as error:
        raise NotSent(raw_code=error.reason) from error
    except (httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
        raise NotSent(raw_code=Reason.TIMEOUT) from error
    except httpcore.UnsupportedProtocol as error:
        raise NotSent(raw_code=Reason.ADDRESS) from error
    except Exception as error:
        raise OutcomeUnknown(raw_code=type(error).__name__) from error


@contextmanager
def guarded(
    method: str,
    url: str,
    *,
    timeout: float,
    private_hosts: Collection[str],
    resolver: Resolver,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> Iterator[Arriving]:
    """Send one request to a public address or one of `private_hosts`, over a new connection.

    Raises what `exchange` raises, and `AddressRefused`.
    """
    backend = GuardedBackend(host_ports(private_hosts), resolver=resolver)
    with (
        Client(backend, kept_connections=0) as client,
        exchange(
            client, method, url, headers=headers, content=content, timeout=timeout
        ) as arriving,
    ):
        yield arriving
