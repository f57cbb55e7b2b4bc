"""Whether a provider's address can be reached without a key, and if not, why."""

import socket
from collections.abc import Collection

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generations.providers.addresses import host_ports, origin
from generations.providers.errors import NotSent, OutcomeUnknown
from generations.providers.network import AddressRefused, Reason
from generations.providers.transport import guarded

SECONDS = 15.0
PRIVATE = "private"

# By `NotSent.raw_code`.
WHY: dict[str, Promise] = {
    Reason.DNS: _(
        "this machine finds no address for %(host)s. Check its spelling and this machine's DNS."
    ),
    Reason.REFUSED: _("nothing listens on %(host)s, port %(port)s. Check both."),
    Reason.UNREACHABLE: _("this machine has no route to %(host)s. Check its network and firewall."),
    Reason.TIMEOUT: _(
        "%(host)s, port %(port)s, did not answer in time. Check the port, and whether a firewall "
        "blocks the connection."
    ),
    Reason.TLS: _(
        "the TLS handshake with %(host)s, port %(port)s, failed. Check that the port is for https, "
        "and that its certificate is valid, is for this name and is trusted by this machine."
    ),
    Reason.ADDRESS: _("%(url)s is not a valid address."),
    PRIVATE: _(
        "%(host)s has no public address. Add %(host)s:%(port)s to PROVIDER_PRIVATE_HOSTS if it is "
        "your own server."
    ),
}
OTHERWISE = _("the connection to %(host)s, port %(port)s, failed.")


def reach(url: str, *, private_hosts: Collection[str]) -> str:
    """Request `url` without a key. Return the address that it redirects to, or an empty string.

    Any answer shows that `url` can be reached. Raises `NotSent` if there is none.
    """
    hosts = host_ports(private_hosts)
    try:
        with guarded(
            "GET", url, timeout=SECONDS, private_hosts=hosts, resolver=socket.getaddrinfo
        ) as arriving:
            return arriving.location[:300] if 300 <= arriving.status < 400 else ""
    except AddressRefused:
        raise NotSent(raw_code=PRIVATE) from None
    except OutcomeUnknown as error:
        raise NotSent(raw_code=error.raw_code) from error


def why_unreachable(raw_code: str, url: str) -> str:
    """Why this machine cannot reach `url`, for an admin; `raw_code` is that of the `NotSent`."""
    _scheme, host, port = origin(url)
    return str(WHY.get(raw_code, OTHERWISE)) % {"host": host, "port": port, "url": url}
