"""Sending a text to an address that an admin has given: checked, limited, never logged."""

import re
import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from generations.providers.addresses import host_ports
from generations.providers.errors import FetchFailed, NotSent, OutcomeUnknown
from generations.providers.fetching import check_link
from generations.providers.network import AddressRefused, Reason, Resolver
from generations.providers.transport import guarded

# Only the status counts; the connection closes after so many bytes of an answer.
MOST_BYTES = 2000


class Trouble(StrEnum):
    """Why a text did not arrive. The names are stored."""

    ADDRESS = "address"
    PRIVATE = "private"
    UNREACHED = "unreached"
    CUT = "cut"
    REDIRECT = "redirect"
    GONE = "gone"
    REFUSED = "refused"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True)
class Answer:
    """What came of a post: no `trouble` (a value of `Trouble`) if it was accepted.

    `wait` is the number of seconds after which the other side wants the next one; 0 if it says
    nothing.
    """

    trouble: str | None
    wait: int = 0


def post(
    url: str,
    content: bytes,
    *,
    headers: Mapping[str, str],
    timeout: float,
    private_hosts: Collection[str] = (),
    resolver: Resolver = socket.getaddrinfo,
) -> Answer:
    """Post `content` to `url` within `timeout` seconds in all. Raises nothing but MemoryError.

    Connects only to public addresses over https, and follows no redirect; `private_hosts`
    ("host:port", `PROVIDER_PRIVATE_HOSTS`) may also be private and use plain http.
    """
    allowed = host_ports(private_hosts)
    try:
        check_link(url, allowed)
        with guarded(
            "POST",
            url,
            timeout=timeout,
            private_hosts=allowed,
            resolver=resolver,
            headers=headers,
            content=content,
        ) as arriving:
            _read(arriving.chunks)
            return Answer(_trouble_of(arriving.status), _wait(arriving.headers))
    except FetchFailed:
        return Answer(Trouble.ADDRESS)
    except AddressRefused:
        return Answer(Trouble.PRIVATE)
    except NotSent as error:
        at_fault = error.raw_code == Reason.ADDRESS
        return Answer(Trouble.ADDRESS if at_fault else Trouble.UNREACHED)
    except OutcomeUnknown:
        return Answer(Trouble.CUT)


def _read(chunks: Iterable[bytes]) -> None:
    """Read the beginning of the answer, so that the other side can write it."""
    read = 0
    for chunk in chunks:
        read += len(chunk)
        if read >= MOST_BYTES:
            return


def _trouble_of(status: int) -> Trouble | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return Trouble.REDIRECT
    named = {404: Trouble.GONE, 410: Trouble.GONE, 429: Trouble.BUSY}
    return named.get(status) or (Trouble.REFUSED if status < 500 else Trouble.FAILED)


def _wait(headers: Mapping[str, str]) -> int:
    told = headers.get("retry-after", "")
    return int(told) if re.fullmatch(r"[0-9]{1,6}", told) else 0
