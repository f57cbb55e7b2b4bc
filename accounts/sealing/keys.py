"""The keys that sign checkpoints.

The private key is a file in `DATA_DIR/keys`, or the setting LOG_SIGNING_KEY where machines share
no disk. The public keys of all times are rows of `LogKey`; the newest one signs.
"""

import secrets
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit, key_files
from accounts.events import Event
from accounts.models import Checkpoint, LogKey, Record, SealState, Studio
from accounts.sealing.notes import SEED_BYTES, NoteError, PublicKey, Signer, read_key
from accounts.sealing.troubles import Stopped

# More than the base64 of a seed has.
MOST_FILE_BYTES = 200


def public_keys() -> list[PublicKey]:
    """All public keys of the log, the oldest first. Raises Stopped for a damaged row."""
    return [_public(row) for row in LogKey.objects.order_by("pk")]


def newest() -> PublicKey | None:
    """The public key that signs now; None before the first sealing. Raises Stopped."""
    row = LogKey.objects.order_by("pk").last()
    return _public(row) if row else None


def origin() -> str:
    """The name of the log and of its keys. It never changes, even if the studio's host does."""
    if first := LogKey.objects.order_by("pk").first():
        return _public(first).name
    studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
    return f"{settings.PUBLIC_HOST or 'seedream-studio'}/log/{studio.uuid}"


def signers() -> list[Signer]:
    """The signers of the next checkpoint: of the newest key, made if there is none yet.

    The first checkpoint after a rotation is also signed by the key before, if it is still there, so
    that whoever knows only that key can go on. Raises Stopped.
    """
    key = newest() or _begin()
    current = _signer(key)
    last = Checkpoint.objects.order_by("pk").last()
    if last is None or last.key_id == key.id.hex():
        return [current]
    signers = [current]
    for before in public_keys():
        if before.id.hex() == last.key_id:
            with suppress(Stopped):
                signers.append(_signer(before))
    return signers


def rotate() -> PublicKey:
    """Let a new key sign from now on: that of LOG_SIGNING_KEY, or a new file. Raises Stopped."""
    old = newest()
    if old is None:
        return _begin()
    signer = _new_signer()
    if signer.public == old:
        raise Stopped("key_same")
    if signer.public in public_keys():
        raise Stopped("key_used")
    facts = {"old": old.id.hex(), "new": signer.public.vkey}
    _register(signer, Event.LOG_KEY_ROTATED, facts, instead_of=old)
    return signer.public


def _begin() -> PublicKey:
    """Make the first key and record that sealing begins. Returns the key, or another's."""
    signer = _new_signer()
    facts = {"key": signer.public.vkey, "records_before": Record.objects.count()}
    return _register(signer, Event.LOG_SEALING_BEGAN, facts, instead_of=None)


def _register(
    signer: Signer, event: Event, facts: dict[str, Any], *, instead_of: PublicKey | None
) -> PublicKey:
    """Make the key of `signer` the newest one, unless another process was first. Returns that."""
    # The file is first: without it, the row would name a key that nobody has.
    path = None if settings.LOG_SIGNING_KEY else _write(signer)
    with transaction.atomic():
        lock()
        found = newest()
        if found == instead_of:
            LogKey.objects.create(vkey=signer.public.vkey, at=timezone.now())
            studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
            audit.record(event, actor=None, subject=studio, facts=facts)
            return signer.public
    if path:
        path.unlink(missing_ok=True)
    assert found is not None  # noqa: S101  # it differs from `instead_of`, and no row is deleted
    return found


def _public(row: LogKey) -> PublicKey:
    try:
        return read_key(row.vkey)
    except NoteError as error:
        raise Stopped("public_key_damaged") from error


def lock(*, skip_locked: bool = False) -> bool:
    """Make this transaction the only one that seals or changes keys. False: another one is.

    SQLite has no locks of rows, but a transaction that writes is the only one of its kind.
    """
    SealState.objects.get_or_create(pk=SealState.ONLY)
    rows = SealState.objects.select_for_update(skip_locked=skip_locked)
    return rows.filter(pk=SealState.ONLY).first() is not None


# --- Private keys --------------------------------------------------------------------------------


def _new_signer() -> Signer:
    return Signer(origin(), _seed_given() or secrets.token_bytes(SEED_BYTES))


def _seed_given() -> bytes:
    given = settings.LOG_SIGNING_KEY
    return _seed(given, otherwise="key_malformed") if given else b""


def _signer(key: PublicKey) -> Signer:
    """The private key that belongs to `key`. Raises Stopped."""
    if seed := _seed_given():
        signer = Signer(key.name, seed)
        if signer.public == key:
            return signer
        if key == newest():
            raise Stopped("key_other")
    return _read(key)


def _name(key: PublicKey) -> str:
    return f"log-{key.id.hex()}.key"


def _read(key: PublicKey) -> Signer:
    try:
        text = key_files.read(_name(key), most=MOST_FILE_BYTES).decode(errors="replace")
    except FileNotFoundError as error:
        raise Stopped("key_missing") from error
    except OSError as error:
        raise Stopped("key_damaged") from error
    signer = Signer(key.name, _seed(text, otherwise="key_damaged"))
    if signer.public != key:
        raise Stopped("key_damaged")
    return signer


def _seed(text: str, *, otherwise: str) -> bytes:
    try:
        seed = b64decode(text.strip(), validate=True)
    except ValueError as error:
        raise Stopped(otherwise) from error
    if len(seed) != SEED_BYTES:
        raise Stopped(otherwise)
    return seed


def _write(signer: Signer) -> Path:
    """Write the private key to a new file. Raises Stopped."""
    try:
        return key_files.write(_name(signer.public), b64encode(signer.seed) + b"\n")
    except OSError as error:
        raise Stopped("key_unwritable") from error
