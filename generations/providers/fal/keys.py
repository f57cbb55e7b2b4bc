"""The public keys with which fal signs webhooks: fetched, kept for a day, renewed on a mismatch.

Facts: fal's page "Webhooks" (fal.ai/docs, read in autumn 2026): a JSON Web Key Set that needs no
credentials, has several keys at once and may be kept for 24 hours at most.
"""

import threading
from base64 import urlsafe_b64decode
from collections.abc import Collection
from typing import Any

from generations.providers.answers import UNREADABLE, parsed_json
from generations.providers.errors import FetchFailed, WebhookForged
from generations.providers.fetching import fetch
from generations.providers.signatures import check_ed25519

JWKS_URL = "https://rest.fal.ai/.well-known/jwks.json"
KEPT_SECONDS = 24 * 3600
# Between two fetches, so that a flood of forged calls does not become a flood of fetches.
PAUSE_SECONDS = 60
JWKS_BYTES = 100_000
# fal waits 15 seconds for the answer to a webhook call.
FETCH_SECONDS = 5.0


class SigningKeys:
    """The keys at `url`, kept in the memory of this process. Threads may share it."""

    def __init__(self, url: str, *, private_hosts: Collection[str] = ()) -> None:
        self._url = url
        self._private_hosts = private_hosts
        self._fetching = threading.Lock()
        self._keys: tuple[bytes, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    def check(self, message: bytes, signature: bytes, *, now: float) -> None:
        """Raise `WebhookForged` unless one of the keys signed `message`.

        `now` is in seconds since 1970. If no key fits, they may have changed, and are fetched
        again, at most once a minute.
        """
        try:
            check_ed25519(self._known(now), message, signature)
        except WebhookForged:
            self._fetch_again(now)
            check_ed25519(self._known(now), message, signature)

    def _known(self, now: float) -> tuple[bytes, ...]:
        return self._keys if _is_within(KEPT_SECONDS, self._fetched_at, now) else ()

    def _fetch_again(self, now: float) -> None:
        with self._fetching:
            if _is_within(PAUSE_SECONDS, self._tried_at, now):
                return
            self._tried_at = now
            try:
                self._keys = self._fetched()
            except (FetchFailed, *UNREADABLE):
                # Known keys stay valid for their day, and polls bring the same news as this call.
                return
            self._fetched_at = now

    def _fetched(self) -> tuple[bytes, ...]:
        content = fetch(
            self._url,
            max_bytes=JWKS_BYTES,
            timeout=FETCH_SECONDS,
            private_hosts=self._private_hosts,
        )
        entries = parsed_json(content)["keys"]
        return tuple(_public_key(entry) for entry in entries if _is_ed25519(entry))


def _is_within(seconds: float, since: float | None, now: float) -> bool:
    return since is not None and 0 <= now - since < seconds


def _is_ed25519(entry: Any) -> bool:
    return (entry.get("kty"), entry.get("crv")) == ("OKP", "Ed25519")


def _public_key(entry: Any) -> bytes:
    """The raw key: base64url without padding (RFC 8037, section 2)."""
    text: str = entry["x"]
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
