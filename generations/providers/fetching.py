"""Fetching an image from a link that a provider gave: checked, limited, never logged."""

import re
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

from generations.providers.addresses import host_ports, origin
from generations.providers.errors import Code, FetchFailed, NotSent, OutcomeUnknown
from generations.providers.network import AddressRefused, Reason, Resolver, time_limit
from generations.providers.transport import Arriving, guarded

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The length that RFC 9110 (4.1) asks every recipient to support; providers' links are much shorter.
MOST_CHARACTERS = 8000


def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout: float,
    private_hosts: Collection[str] = (),
    resolver: Resolver = socket.getaddrinfo,
) -> bytes:
    """The bytes behind `url`, at most `max_bytes`, within `timeout` seconds in all.

    Connects only to public addresses over https, redirects (at most 5) included; `private_hosts`
    ("host:port", `PROVIDER_PRIVATE_HOSTS`) may also be private and use plain http. Raises only
    `FetchFailed`. It is final if the address is refused or invalid, or the file is too large. It is
    not final if a later try may succeed: broken connections, statuses other than 200, incomplete
    bodies.
    """
    allowed = host_ports(private_hosts)
    with time_limit(timeout), _sorted_trouble():
        for _ in range(MAX_REDIRECTS + 1):
            check_link(url, allowed)
            with guarded(
                "GET", url, timeout=timeout, private_hosts=allowed, resolver=resolver
            ) as arriving:
                if arriving.status not in REDIRECTS:
                    return _image(arriving, max_bytes)
                url = _target(url, arriving)
    raise FetchFailed("too many redirects", final=False)


@contextmanager
def _sorted_trouble() -> Iterator[None]:
    try:
        yield
    except AddressRefused:
        raise FetchFailed("not a public address", final=True) from None
    except NotSent as error:
        final = error.raw_code == Reason.ADDRESS
        raise FetchFailed(error.raw_code, final=final) from error
    except OutcomeUnknown as error:
        raise FetchFailed(error.raw_code, final=False) from error
    except (FetchFailed, MemoryError):
        raise
    except Exception as error:
        raise FetchFailed(type(error).__name__, final=False) from error


def check_link(url: str, private_hosts: Collection[str]) -> None:
    """Raise a final `FetchFailed` unless `url` may be called.

    It must be an https address; a plain http one must be of `private_hosts`, as `host_ports` gives
    them. Which address its name resolves to is checked when it is called.
    """
    if len(url) > MOST_CHARACTERS:
        raise FetchFailed("too long for an address", final=True)
    try:
        scheme, host, port = origin(url)
    except ValueError:
        raise FetchFailed("not an address", final=True) from None
    if scheme != "https" and (scheme != "http" or f"{host}:{port}" not in private_hosts):
        raise FetchFailed("not an https address", final=True)


def _target(url: str, arriving: Arriving) -> str:
    try:
        return urljoin(url, arriving.location)
    except ValueError:
        raise FetchFailed("not an address", final=True) from None


def _image(arriving: Arriving, max_bytes: int) -> bytes:
    if arriving.status != 200:
        raise FetchFailed(f"HTTP {arriving.status}", final=False)
    announced = arriving.headers.get("content-length", "")
    # Python does not parse numbers with more digits.
    if re.fullmatch(r"[0-9]{1,18}", announced) and int(announced) > max_bytes:
        raise FetchFailed("too large", final=True, code=Code.IMAGE_TOO_LARGE)
    body = bytearray()
    for chunk in arriving.chunks:
        body += chunk
        if len(body) > max_bytes:
            raise FetchFailed("too large", final=True, code=Code.IMAGE_TOO_LARGE)
    if not body:
        raise FetchFailed("empty", final=False)
    return bytes(body)
