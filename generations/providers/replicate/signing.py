"""How Replicate signs webhook calls, and where the secret comes from.

Facts: Replicate's page "Verify webhooks" (replicate.com, read in autumn 2026). The page leaves the
limit for a call's age open; we use that of `signatures.py`.
"""

import base64
import contextlib
import threading
from collections.abc import Callable, Iterator

from generations.providers.errors import ProviderError, WebhookForged
from generations.providers.signatures import check_hmac, check_time
from generations.providers.types import WebhookCall

PREFIX = "whsec_"
# Between two reads of the secret, however many forged calls arrive.
READ_INTERVAL_SECONDS = 60


class SigningSecret:
    """The secret of one account: `given`, or what `read` returns, kept in memory.

    A secret that was read is read again when a signature is wrong, because it may have been
    replaced at the provider. A given one is not. Threads may share this object.
    """

    def __init__(self, given: str, *, read: Callable[[], str]) -> None:
        self._secret = given
        self._read = None if given else read
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def current(self, *, now: float) -> str:
        """The secret, read if there is none yet. Raises `WebhookForged` if it is not known."""
        if not self._secret:
            self.renewed(now=now)
        if not self._secret:
            raise WebhookForged("The secret that proves the signature could not be read.")
        return self._secret

    def renewed(self, *, now: float) -> str:
        """The provider's current secret, read at most once a minute; `now` is in seconds."""
        with self._lock:
            early = self._read_at is not None and abs(now - self._read_at) < READ_INTERVAL_SECONDS
            if self._read is not None and not early:
                self._read_at = now
                # A call that can't be proven is refused; polls bring the same news.
                with contextlib.suppress(ProviderError):
                    self._secret = self._read()
            return self._secret


def check_call(call: WebhookCall, secret: SigningSecret, *, now: float) -> None:
    """Raise `WebhookForged` unless `call` is signed with `secret` within five minutes."""
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
    """The bytes after the first `whsec_`; later underscores belong to the base64 text.

    Raises `WebhookForged` if `secret` is not readable.
    """
    _before, prefix, after = secret.partition(PREFIX)
    key = _decoded(after if prefix else secret)
    if not key:
        raise WebhookForged("The secret that proves the signature is not readable.")
    return key


def _signatures(header: str) -> Iterator[bytes]:
    """The signatures of version 1 in a header of `version,signature` pairs, separated by spaces."""
    for each in header.split():
        version, _comma, text = each.partition(",")
        if version == "v1" and (signature := _decoded(text)):
            yield signature


def _decoded(text: str) -> bytes:
    """`text` decoded from either base64 alphabet (RFC 4648), padded or not; empty if invalid."""
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        return b""
