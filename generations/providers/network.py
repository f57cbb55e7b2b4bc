"""The sockets below `http.py`: no call exceeds its time, and no fetch reaches a private address.

httpx limits each read and each write, not the whole call: a server that sends one byte a second
would block a thread for ever. Here every socket operation gets at most the time that is left of the
call. The system's resolver has no time limit, so a separate thread looks up the name. The call
waits for it only as long as its own time allows; the resolver gives up later (resolv.conf(5)).

Every failure before a connection is established is a `NoConnection`: no byte was sent.
"""

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

import httpcore

from generations.providers.addresses import is_public

Resolver = Callable[..., list[tuple[Any, ...]]]

# One TLS record: small enough to notice a slow reader between two writes.
WRITE_BYTES = 16_384

_ends_at: ContextVar[float] = ContextVar("ends_at", default=math.inf)


class AddressRefused(Exception):
    """A name resolved to an address that is not public."""


class Reason(StrEnum):
    """Why there was no connection; the value of `NotSent.raw_code`.

    DNS: the name has no address. REFUSED: nothing listens on the port. UNREACHABLE: no route to the
    address. TIMEOUT: no answer in time. TLS: the handshake failed, as with a wrong certificate.
    ADDRESS: the URL is invalid, and another try is useless.
    """

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    ADDRESS = "address"


class NoConnection(httpcore.ConnectError):
    """No connection was established, so nothing was sent; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit all socket operations in the block to `seconds` together.

    Limits may be nested; the one that ends first counts.
    """
    token = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(token)


class TimedStream(httpcore.NetworkStream):
    """A connection of which every operation ends within the time limit of its call."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITE_BYTES):
            piece = buffer[start : start + WRITE_BYTES]
            self._stream.write(piece, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        with _no_connection(lambda _error: Reason.TLS):
            return TimedStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class TimedBackend(httpcore.NetworkBackend):
    """Connects to the first address of a name that answers, within the call's time."""

    def __init__(self, *, resolver: Resolver = socket.getaddrinfo) -> None:
        self._resolver = resolver
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = NoConnection(Reason.DNS)
        for address in self._addresses(host, port, timeout):
            left = _left(timeout, httpcore.ConnectTimeout)
            try:
                with _no_connection(_why_not_connected):
                    stream = self._sockets.connect_tcp(address, port, left, None, socket_options)
            except NoConnection as error:
                failure = error
            else:
                return TimedStream(stream)
        raise failure

    def _addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        left = _left(timeout, httpcore.ConnectTimeout)
        with _no_connection(lambda _error: Reason.ADDRESS):
            # The resolver does the same, and raises UnicodeError for an empty or overlong label.
            host.encode("idna")
        with _no_connection(lambda _error: Reason.DNS):
            found = _looked_up(self._resolver, host, port, left)
            return list(dict.fromkeys(entry[4][0] for entry in found))


class GuardedBackend(TimedBackend):
    """A `TimedBackend` that connects to public addresses only.

    A name is looked up once for each connection, and the connection goes to the address that was
    checked. So a name server cannot give one answer to the check and another to the socket. If one
    of several addresses is private, the name is refused. `private_hosts` ("host:port") are exempt.
    """

    def __init__(
        self, private_hosts: Collection[str] = (), *, resolver: Resolver = socket.getaddrinfo
    ) -> None:
        super().__init__(resolver=resolver)
        self._private_hosts = private_hosts

    def _addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        addresses = super()._addresses(host, port, timeout)
        if f"{host}:{port}" in self._private_hosts:
            return addresses
        if not all(_is_public(address) for address in addresses):
            raise AddressRefused("The address is not a public one.")
        return addresses


def _is_public(address: str) -> bool:
    try:
        return is_public(ip_address(address))
    except ValueError:
        return False


@contextmanager
def _no_connection(why: Callable[[Exception], Reason]) -> Iterator[None]:
    """Turn any exception in the block into a `NoConnection` with the reason that `why` returns."""
    try:
        yield
    except (NoConnection, MemoryError):
        raise
    except (httpcore.ConnectTimeout, TimeoutError) as error:
        raise NoConnection(Reason.TIMEOUT) from error
    except Exception as error:
        raise NoConnection(why(error)) from error


def _why_not_connected(error: Exception) -> Reason:
    refused = isinstance(error.__cause__, ConnectionRefusedError)
    return Reason.REFUSED if refused else Reason.UNREACHABLE


def _looked_up(resolver: Resolver, host: str, port: int, seconds: float) -> list[tuple[Any, ...]]:
    """The addresses of `host`, as `resolver` gives them. Raises `TimeoutError` after `seconds`."""
    found: Future[list[tuple[Any, ...]]] = Future()

    def look_up() -> None:
        try:
            found.set_result(resolver(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            found.set_exception(error)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    return found.result(seconds)


def _left(timeout: float | None, out_of_time: type[Exception]) -> float:
    """The time left for the call, at most `timeout`. Raises `out_of_time` if there is none."""
    left = _ends_at.get() - time.monotonic()
    if left <= 0:
        raise out_of_time("The call's time is up.")
    return left if timeout is None else min(left, timeout)
