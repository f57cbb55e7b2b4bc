"""Checkpoints as text that anyone can verify, and the keys that sign them.

A checkpoint is a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) with its time as
an extension line:

    <origin>
    <number of leaves>
    <base64 of the root>
    <time: RFC 3339, UTC, six decimals, Z>

    — <key name> <base64 of the 4 bytes of the key id and the 64 bytes of the Ed25519 signature>

The signature covers the text before the empty line, with the newline at its end. A public key is
written as `<name>+<key id, 8 hex digits>+<base64 of 0x01 and the 32 bytes of the key>`.
"""

import datetime as dt
import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from accounts.sealing.tree import HASH_BYTES, MOST_LEAVES

ED25519 = b"\x01"
SEED_BYTES = 32
MOST_BYTES = 4096
MOST_SIGNATURES = 16
# Host names have at most 253 characters.
MOST_NAME = 400

_NAME = re.compile(rf"[^\s+\x00-\x1f\x7f\ud800-\udfff]{{1,{MOST_NAME}}}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_SIGNATURE = re.compile(r"— (\S+) (\S+)")
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")


class NoteError(ValueError):
    """A note or a key that is malformed, or that is not signed as it should be."""


@dataclass(frozen=True)
class Head:
    """What a checkpoint says: at `at`, the log `origin` had `size` leaves and this root."""

    origin: str
    size: int
    root: bytes
    at: dt.datetime

    @property
    def text(self) -> str:
        """The text that is signed. Raises NoteError for values that no note can hold."""
        text = f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n{_time(self.at)}\n"
        if _read_head(text) != self:
            raise NoteError("The checkpoint cannot be written as a note.")
        return text


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies notes. `name` is the origin of the log."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        """The 4 bytes by which notes name the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.raw).decode()}"

    def verifies(self, signature: bytes, text: str) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A key that signs notes, from its seed of 32 bytes."""

    name: str
    seed: bytes

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.name, self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        return self._key.sign(text.encode())

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"  # without the seed


@dataclass(frozen=True)
class Signature:
    name: str
    key_id: bytes
    signature: bytes


def write(head: Head, signers: Iterable[Signer]) -> str:
    """The signed note, with one signature of each signer. Raises NoteError."""
    text = head.text
    lines = (
        f"— {signer.name} {b64encode(signer.public.id + signer.sign(text)).decode()}\n"
        for signer in signers
    )
    return text + "\n" + "".join(lines)


def parse(note: str) -> tuple[Head, list[Signature]]:
    """What a note says and its signatures, none of which is verified. Raises NoteError."""
    if len(note) > MOST_BYTES or len(note.encode(errors="replace")) > MOST_BYTES:
        raise NoteError("The note is too long.")
    text, empty, signatures = note.partition("\n\n")
    if not empty or not signatures.endswith("\n"):
        raise NoteError("The note is not complete.")
    lines = signatures.removesuffix("\n").split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise NoteError("The note has too many signatures.")
    return _read_head(text + "\n"), [_read_signature(line) for line in lines]


def verify(note: str, keys: Iterable[PublicKey]) -> Head:
    """What a note says, if one of `keys` signed it and no signature of `keys` is wrong.

    Signatures of other keys are ignored. Raises NoteError.
    """
    known = {(key.name, key.id): key for key in keys}
    head, signatures = parse(note)
    text = note.partition("\n\n")[0] + "\n"
    verified = False
    for each in signatures:
        if key := known.get((each.name, each.key_id)):
            if not key.verifies(each.signature, text):
                raise NoteError("A signature of the checkpoint is wrong.")
            verified |= key.name == head.origin
    if not verified:
        raise NoteError("No known key of this log signed the checkpoint.")
    return head


def read_key(vkey: str) -> PublicKey:
    """The public key of which this is the text. Raises NoteError."""
    found = _VKEY.fullmatch(vkey) if len(vkey) <= MOST_BYTES else None
    if not found:
        raise NoteError("This is not the text of a public key.")
    name, key_id, encoded = found.groups()
    data = _bytes(encoded, len(ED25519) + HASH_BYTES)
    key = PublicKey(_named(name), data[1:])
    if data[:1] != ED25519 or key.id.hex() != key_id:
        raise NoteError("The text of the public key is damaged.")
    return key


def _read_head(text: str) -> Head:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) != 4 or not _NUMBER.fullmatch(lines[1]) or int(lines[1]) >= MOST_LEAVES:
        raise NoteError("The text is not that of a checkpoint.")
    return Head(_named(lines[0]), int(lines[1]), _bytes(lines[2], HASH_BYTES), _read_time(lines[3]))


def _read_signature(line: str) -> Signature:
    found = _SIGNATURE.fullmatch(line)
    if not found:
        raise NoteError("A line of the note is not a signature.")
    # Keys of other kinds have signatures of other lengths, which are ignored.
    data = _bytes(found[2])
    return Signature(_named(found[1]), data[:4], data[4:])


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise NoteError("The name of the key or log is not allowed.")
    return name


def _bytes(encoded: str, length: int | None = None) -> bytes:
    """Decode base64, of which only the one canonical text is accepted."""
    try:
        data = b64decode(encoded, validate=True)
    except ValueError as error:
        raise NoteError("The base64 is damaged.") from error
    if b64encode(data).decode() != encoded or length not in (None, len(data)):
        raise NoteError("The base64 is not that of a hash, key or signature.")
    return data


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _read_time(text: str) -> dt.datetime:
    if not _TIME.fullmatch(text):
        raise NoteError("The time of the checkpoint is malformed.")
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise NoteError("The time of the checkpoint does not exist.") from error
