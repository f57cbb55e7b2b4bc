"""Proves that a webhook call comes from its provider. Pure: it checks the raw bytes of the body."""

import hmac
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from generations.providers.errors import WebhookForged

# How far the provider's clock and ours may differ. An older call may be a recorded one, sent again.
SKEW_SECONDS = 300


def check_time(timestamp: str, now: float) -> None:
    """Raise `WebhookForged` unless `timestamp` (seconds since 1970) is within five minutes."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise WebhookForged("The time of the call is missing.")
    age = now - int(timestamp)
    if age > SKEW_SECONDS:
        raise WebhookForged("The call is too old.")
    if age < -SKEW_SECONDS:
        raise WebhookForged("The time of the call is in the future: one of the clocks is wrong.")


def check_hmac(keys: Iterable[bytes], message: bytes, signatures: Iterable[bytes]) -> None:
    """Raise `WebhookForged` unless one of `signatures` is HMAC-SHA256 of `message` by a key."""
    right = [hmac.digest(key, message, "sha256") for key in keys]
    given = list(signatures)
    if not any(hmac.compare_digest(one, other) for one in right for other in given):
        raise WebhookForged("The signature is missing or wrong.")


def check_ed25519(public_keys: Iterable[bytes], message: bytes, signature: bytes) -> None:
    """Raise `WebhookForged` unless `signature` of `message` was made with one of the keys.

    `public_keys` are 32 raw bytes each (RFC 8032).
    """
    for key in public_keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except (InvalidSignature, ValueError):
            continue
        return
    raise WebhookForged("The signature is missing or wrong.")
