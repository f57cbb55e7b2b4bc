"""Which addresses the studio may call. Pure rules: no sockets."""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from generations.providers.errors import Misconfigured

Address = IPv4Address | IPv6Address

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_PORTS = {"https": 443, "http": 80}
# RFC 6052: what a network without IPv4 turns an IPv4 address into.
NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether `address` is a public one, also when IPv6 wraps an IPv4 address."""
    address = _unwrapped(address)
    # RFC 3879: the former private addresses of IPv6, which `is_global` no longer knows.
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or site_local)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def host_ports(entries: Collection[str]) -> frozenset[str]:
    """`PROVIDER_PRIVATE_HOSTS` as hosts are compared: lower case, IPv6 without brackets."""
    return frozenset(re.sub(r"[\[\]\s]", "", entry).lower() for entry in entries)


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of `url`. Raises `ValueError` if it is not an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme)


def is_same_origin(url: str, other: str) -> bool:
    """Whether both are addresses of one scheme, host and port."""
    try:
        return origin(url) == origin(other)
    except ValueError:
        return False


def checked_base_url(base_url: str, *, private_hosts: Collection[str] = ()) -> str:
    """`base_url` without a slash at its end. Raises `Misconfigured` unless a key may be sent there.

    Plain http is allowed for this machine and for `private_hosts` (as `host_ports` gives them).
    """
    try:
        scheme, host, port = origin(base_url)
        parts = urlsplit(base_url)
        # The look-up of a name does the same, and rejects empty and overlong parts of it.
        host.encode("idna")
    except ValueError:
        raise Misconfigured("The base URL is not an address.") from None
    if scheme not in DEFAULT_PORTS or not host or parts.username or parts.query or parts.fragment:
        raise Misconfigured("The base URL must be like https://host/path, with nothing more.")
    if scheme == "http" and host not in LOOPBACK and f"{host}:{port}" not in private_hosts:
        raise Misconfigured(
            "The base URL must begin with https://: over http the key could be read on the way. "
            "For a host of your own network, name it in PROVIDER_PRIVATE_HOSTS."
        )
    return base_url.rstrip("/")
