"""Time stamps of checkpoints: a third party signs that it saw a checkpoint at its own time.

The query and the answer are those of RFC 3161, over SHA-256 of the signed note. An answer is kept
as it came, in the database and, beside its note, as a file:

    openssl ts -verify -data NAME.txt -in NAME.tsr -CAfile CERTIFICATES_OF_THE_AUTHORITY

Here only the digest, the nonce and the time are read; whom to trust is for whoever verifies.
"""

import datetime as dt
import hashlib
import os
import secrets
from pathlib import Path
from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
SIGNED_DATA = ObjectIdentifier("1.2.840.113549.1.7.2")
STAMPED = ObjectIdentifier("1.2.840.113549.1.9.16.1.4")
# PKIStatus (RFC 3161, section 2.4.2): granted, and granted with modifications.
GRANTED = (0, 1)
MOST_BYTES = 64 * 1024
NONCE_BITS = 63


class StampError(ValueError):
    """An answer that is no time stamp of the checkpoint. The text says why."""


# --- Messages of RFC 3161 and RFC 5652, with their fields in order -------------------------------


@asn1.sequence
class _Algorithm:
    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Imprint:
    algorithm: _Algorithm
    digest: bytes


@asn1.sequence
class _Query:
    version: int
    imprint: _Imprint
    policy: ObjectIdentifier | None
    nonce: int | None
    with_certificate: Annotated[bool, asn1.Default(value=False)]


@asn1.sequence
class _Status:
    status: int
    texts: list[str] | None
    failure: asn1.BitString | None


@asn1.sequence
class _Token:
    kind: ObjectIdentifier
    # SignedData: its third member is what is signed.
    content: Annotated[list[asn1.TLV], asn1.Explicit(0)]


@asn1.sequence
class _Answer:
    status: _Status
    token: _Token | None


@asn1.sequence
class _Signed:
    kind: ObjectIdentifier
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class _Accuracy:
    seconds: int | None
    millis: Annotated[int | None, asn1.Implicit(0)]
    micros: Annotated[int | None, asn1.Implicit(1)]


@asn1.sequence
class _Info:
    version: int
    policy: ObjectIdentifier
    imprint: _Imprint
    serial: int
    at: asn1.GeneralizedTime
    accuracy: _Accuracy | None
    ordering: Annotated[bool, asn1.Default(value=False)]
    nonce: int | None
    authority: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


def query(note: str) -> tuple[bytes, int]:
    """The query for a note, and its nonce, which the answer must repeat."""
    nonce = secrets.randbits(NONCE_BITS)
    algorithm = _Algorithm(algorithm=SHA256, parameters=asn1.Null())
    imprint = _Imprint(algorithm=algorithm, digest=_digest(note))
    asked = _Query(version=1, imprint=imprint, policy=None, nonce=nonce, with_certificate=True)
    return asn1.encode_der(asked), nonce


def read(answer: bytes, note: str, *, nonce: int | None = None) -> dt.datetime:
    """The time at which the authority has seen `note`. With `nonce`, the answer must repeat it.

    Raises StampError for an answer that is none, or is about something else.
    """
    info = _info(answer)
    if info.imprint.algorithm.algorithm != SHA256 or info.imprint.digest != _digest(note):
        raise StampError("The time stamp is of another text.")
    if nonce is not None and info.nonce != nonce:
        raise StampError("The time stamp answers another query.")
    return info.at.as_datetime()


def _info(answer: bytes) -> _Info:
    if len(answer) > MOST_BYTES:
        raise StampError("The answer is too long.")
    try:
        found = asn1.decode_der(_Answer, answer)
        if found.status.status not in GRANTED or found.token is None:
            raise StampError("The authority has refused the time stamp.")
        signed = found.token.content[2].parse(_Signed)
        if (found.token.kind, signed.kind) != (SIGNED_DATA, STAMPED):
            raise StampError("The answer is no time stamp.")
        return asn1.decode_der(_Info, signed.content)
    except StampError:
        raise
    except (ValueError, IndexError) as error:
        raise StampError("The answer is malformed.") from error


def _digest(note: str) -> bytes:
    return hashlib.sha256(note.encode()).digest()


# --- Files ---------------------------------------------------------------------------------------


def write(folder: Path, name: str, *, note: str, answer: bytes) -> None:
    """Write a note and its time stamp to the disk. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for suffix, content in ((".txt", note.encode()), (".tsr", answer)):
        part = folder / f".{name}{suffix}.part"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / f"{name}{suffix}")
