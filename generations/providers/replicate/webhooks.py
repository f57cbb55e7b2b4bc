"""How Replicate signs the calls of its webhooks, and where the secret comes from.

Facts: Replicate's page "Verify webhooks" (replicate.com, read in autumn 2026). The page leaves the
limit on a call's age to its reader: here it is that of `signatures.py`.
"""

import base64
import contextlib
import threading
from collections.abc import Callable, Iterator

from generations.providers.errors import ProviderError, WebhookForged
from generations.providers.signatures import check_hmac, check_time
from generations.providers.types import WebhookCall

PREFIX = "whsec_"
# Between two readings of the secret, however many calls are forged meanwhile.
READ_INTERVAL_SECONDS = 60


class SigningSecret:
    """The secret of one account: `given`, or what `read` gives, kept in memory.

    A secret that was read is read again when a signature is wrong, as it may have been replaced at
    the provider; one that was given is not. Threads may share it.
    """

    def __init__(self, given: str, *, read: Callable[[], str]) -> None:
        self._secret = given
        self._read = None if given else read
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def current(self, *, now: float) -> str:
        """The secret, read if there is none yet. Raises `WebhookForged` where it is not known."""
        if not self._secret:
            self.renewed(now=now)
        if not self._secret:
            raise WebhookForged("The secret that proves the signature could not be read.")
        return self._secret

    def renewed(self, *, now: float) -> str:
        """The secret as the provider has it now, asked at most once a minute; `now` in seconds."""
        with self._lock:
            early = self._read_at is not None and abs(now - self._read_at) < READ_INTERVAL_SECONDS
            if self._read is not None and not early:
                self._read_at = now
                # What can't be proven is not believed; polls bring the same news.
                with contextlib.suppress(ProviderError):
                    self._secret = self._read()
            return self._secret


def check_call(call: WebhookCall, secret: SigningSecret, *, now: float) -> None:
    """Raise `WebhookForged` unless `call` is signed with `secret` and not older than may be."""
    event_id, timestamp, given = (
        call.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    signatures = list(_signatures(given))
    if not event_id or not signatures:
        raise WebhookForged("The id of the call or its signature is missing.")
    check_time(timestamp, now)
    message = f"{event_id}.{timestamp}.".encode(errors="replace") + call.body
    known = secret.current(now=now)
    try:
        check_hmac([_key(known)], message, signatures)
    except WebhookForged:
        renewed = secret.renewed(now=now)
        if renewed == known:
            raise
        check_hmac([_key(renewed)], message, signatures)


def _key(secret: str) -> bytes:
    """The bytes behind the first `whsec_`; more underscores are part of what they are written in.

    Raises `WebhookForged` for a secret that is none.
    """
    _before, prefix, after = secret.partition(PREFIX)
    key = _decoded(after if prefix else secret)
    if not key:
        raise WebhookForged("The secret that proves the signature is not readable.")
    return key


def _signatures(header: str) -> Iterator[bytes]:
    """Those of version 1 in a header of `version,signature` parted by spaces."""
    for each in header.split():
        version, _comma, text = each.partition(",")
        if version == "v1" and (signature := _decoded(text)):
            yield signature


def _decoded(text: str) -> bytes:
    """What `text` says in either alphabet of base64 (RFC 4648), padded or not; empty for none."""
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        return b""
