"""Fetching a picture from a link that a provider gave: guarded, limited, never logged."""

import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

from generations.providers.addresses import host_ports, origin
from generations.providers.errors import Code, FetchFailed, NotSent, OutcomeUnknown
from generations.providers.network import AddressRefused, Resolver, time_limit
from generations.providers.transport import Arriving, guarded_get

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout: float,
    private_hosts: Collection[str] = (),
    resolver: Resolver = socket.getaddrinfo,
) -> bytes:
    """The bytes behind `url`, at most `max_bytes`, within `timeout` seconds in all.

    Goes to public addresses over https alone, redirects included (at most 5); `private_hosts`
    ("host:port", `PROVIDER_PRIVATE_HOSTS`) may also be private and plain http. Raises
    `FetchFailed`: final where the address is refused or the file too large; not final where a
    later try may do better: broken connections, statuses other than 200, truncated bodies.
    """
    allowed = host_ports(private_hosts)
    with time_limit(timeout), _sorted_trouble():
        for _ in range(MAX_REDIRECTS + 1):
            _check_scheme(url, allowed)
            with guarded_get(
                url, timeout=timeout, private_hosts=allowed, resolver=resolver
            ) as arriving:
                if arriving.status not in REDIRECTS:
                    return _picture(arriving, max_bytes)
                url = urljoin(url, arriving.headers.get("location", ""))
    raise FetchFailed("too many redirects", final=False)


@contextmanager
def _sorted_trouble() -> Iterator[None]:
    try:
        yield
    except AddressRefused:
        raise FetchFailed("not a public address", final=True) from None
    except (NotSent, OutcomeUnknown) as error:
        raise FetchFailed(error.raw_code, final=False) from error


def _check_scheme(url: str, private_hosts: Collection[str]) -> None:
    try:
        scheme, host, port = origin(url)
    except ValueError:
        raise FetchFailed("not an address", final=True) from None
    if scheme != "https" and (scheme != "http" or f"{host}:{port}" not in private_hosts):
        raise FetchFailed("not an https address", final=True)


def _picture(arriving: Arriving, max_bytes: int) -> bytes:
    if arriving.status != 200:
        raise FetchFailed(f"HTTP {arriving.status}", final=False)
    announced = arriving.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise FetchFailed("too large", final=True, code=Code.IMAGE_TOO_LARGE)
    body = bytearray()
    for chunk in arriving.chunks:
        body += chunk
        if len(body) > max_bytes:
            raise FetchFailed("too large", final=True, code=Code.IMAGE_TOO_LARGE)
    if not body:
        raise FetchFailed("empty", final=False)
    return bytes(body)
