"""The sockets beneath `http.py`: no call outlives its time, no fetch reaches a private address.

httpx limits each read and each write, not the call: a peer that sends one byte a second keeps a
thread for ever, and a thread cannot be killed. Here every socket operation gets no more than what
is left of the call's time. The one wait without a limit of ours is the look-up of a name, which
the system's resolver bounds itself (resolv.conf(5): 5 seconds, 2 attempts by default).
"""

import math
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any

import httpcore

from generations.providers.addresses import is_public

Resolver = Callable[..., list[tuple[Any, ...]]]

# One TLS record: small enough that a peer which reads slowly is noticed between two writes.
WRITE_BYTES = 16_384

_ends_at: ContextVar[float] = ContextVar("ends_at", default=math.inf)


class AddressRefused(Exception):
    """A name led to an address that is not public."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Give every socket operation within no more than what is left of `seconds`.

    Limits nest: the nearest end counts.
    """
    token = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(token)


class TimedStream(httpcore.NetworkStream):
    """A connection whose every operation ends within the time limit of its call."""

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
        failure: Exception = httpcore.ConnectError("The name has no address.")
        for address in self._addresses(host, port):
            left = _left(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._sockets.connect_tcp(address, port, left, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return TimedStream(stream)
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = self._resolver(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        return list(dict.fromkeys(entry[4][0] for entry in found))


class GuardedBackend(TimedBackend):
    """As `TimedBackend`, but for public addresses alone.

    A name is looked up once for each connection and the address that was checked is the one
    connected to, so a name server cannot give one answer to the check and another to the socket.
    One private address among several refuses the name. `private_hosts` ("host:port") are exempt.
    """

    def __init__(
        self, private_hosts: Collection[str] = (), *, resolver: Resolver = socket.getaddrinfo
    ) -> None:
        super().__init__(resolver=resolver)
        self._private_hosts = private_hosts

    def _addresses(self, host: str, port: int) -> list[str]:
        addresses = super()._addresses(host, port)
        if f"{host}:{port}" in self._private_hosts:
            return addresses
        if not all(is_public(ip_address(address)) for address in addresses):
            raise AddressRefused("The address is not a public one.")
        return addresses


def _left(timeout: float | None, out_of_time: type[Exception]) -> float:
    """What is left of the call's time, at most `timeout`. Raises `out_of_time` when nothing is."""
    left = _ends_at.get() - time.monotonic()
    if left <= 0:
        raise out_of_time("The call's time is up.")
    return left if timeout is None else min(left, timeout)
