"""Signatures by a key that never leaves AWS's key management service.

Facts: docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html. Address and rights come from the
environment, as boto3 reads it.
"""

import hashlib
from functools import lru_cache
from threading import RLock
from typing import Any

import boto3
from botocore.config import Config

from generations.certificates.making import raw_signature
from generations.labelling.manifests.signing import Key

CONNECT_SECONDS, READ_SECONDS, TRIES = 3, 5, 2

# boto3 requires that one thread at a time makes clients.
_making = RLock()


def signing_with(key: str) -> Key:
    """What signs bytes with a key: its id, or its ARN, which also names the region.

    The result raises what boto3 raises.
    """

    def sign(data: bytes) -> bytes:
        answer = _client(_region(key)).sign(
            KeyId=key,
            Message=hashlib.sha256(data).digest(),
            MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        return raw_signature(answer["Signature"])

    return sign


def _region(key: str) -> str | None:
    """The region in an ARN: arn:aws:kms:eu-central-1:…"""
    parts = key.split(":")
    return parts[3] if len(parts) > 3 and parts[0] == "arn" else None


def _client(region: str | None) -> Any:
    with _making:
        return _cached_client(region)


@lru_cache(maxsize=1)
def _cached_client(region: str | None) -> Any:
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": TRIES},
    )
    return boto3.client("kms", region_name=region, config=config)
