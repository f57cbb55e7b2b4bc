"""The studio's own certificate authority: made on first need, renewed in time, never sent anywhere.

The private keys of root and certificate are files in `DATA_DIR/keys`; the certificates are rows.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.utils import timezone

from accounts import key_files
from generations.certificates import making
from generations.certificates.register import own, register
from generations.certificates.troubles import Stopped
from generations.models import LabelCertificate

# A certificate is replaced this long before it ends: nobody has to be there in time.
RENEW_BEFORE = timedelta(days=60)
# More than the PEM of a key for P-256 has.
MOST_KEY_BYTES = 2_000

Origin = LabelCertificate.Origin


def current() -> tuple[LabelCertificate, making.Key]:
    """The certificate that signs now, made or renewed if there is need, with its key.

    Raises Stopped.
    """
    row = _usable() or _with_new_root(instead_of=None)
    if ends_soon(row):
        row = _renewed(row)
    return row, _key_of(making.read_chain(row.chain)[0], "label", otherwise="key_missing")


def rotate(*, new_root: bool = False) -> LabelCertificate:
    """Let a new key sign from now on; also below a new root, if asked or if the root's key is lost.

    What was signed before stays valid. Raises Stopped.
    """
    newest = own().first()
    if newest and not new_root:
        try:
            return _below(making.read_chain(newest.chain)[-1], instead_of=newest)
        except Stopped as stopped:
            if stopped.code not in ("root_missing", "key_damaged"):
                raise
    return _with_new_root(instead_of=newest)


def ends_soon(row: LabelCertificate) -> bool:
    """Whether it should have been renewed by now."""
    return row.ends_at - timezone.now() < RENEW_BEFORE


def _usable() -> LabelCertificate | None:
    """The newest certificate that is valid by the clock of this machine; None if there never was.

    One from a time when the clock was ahead is passed over until its time comes. Raises Stopped.
    """
    now = timezone.now()
    rows = list(own().filter(withdrawn_at=None))
    valid = next((row for row in rows if row.begins_at <= now < row.ends_at), None)
    if valid or not rows:
        return valid
    if all(now < row.begins_at for row in rows):
        raise Stopped("clock_behind")
    return next(row for row in rows if row.begins_at <= now)


def _renewed(row: LabelCertificate) -> LabelCertificate:
    """A new certificate below the same root, or the old one as long as it is valid."""
    root = making.read_chain(row.chain)[-1]
    try:
        return _below(root, instead_of=own().first())
    except Stopped:
        if row.ends_at <= timezone.now():
            raise
        return row


def _with_new_root(*, instead_of: LabelCertificate | None) -> LabelCertificate:
    root, key = making.make_root(_organisation(), now=timezone.now())
    path = _write(root, "label-root", key)
    return _signed_by(root, key, instead_of=instead_of, files=[path])


def _below(root: x509.Certificate, *, instead_of: LabelCertificate | None) -> LabelCertificate:
    key = _key_of(root, "label-root", otherwise="root_missing")
    if root.not_valid_after_utc <= timezone.now():
        return _with_new_root(instead_of=instead_of)
    return _signed_by(root, key, instead_of=instead_of)


def _signed_by(
    root: x509.Certificate,
    root_key: making.Key,
    *,
    instead_of: LabelCertificate | None,
    files: Sequence[Path] = (),
) -> LabelCertificate:
    chain, key = making.make_leaf(root, root_key, now=timezone.now())
    path = _write(making.read_chain(chain)[0], "label", key)
    return register(chain, Origin.OWN, instead_of=instead_of, files=[*files, path])


def _organisation() -> str:
    return settings.PUBLIC_HOST or "Seedream Studio"


def _key_of(certificate: x509.Certificate, kind: str, *, otherwise: str) -> making.Key:
    """The private key of a certificate. Raises Stopped, with `otherwise` if there is no file."""
    try:
        key = making.read_key(key_files.read(_name(certificate, kind), most=MOST_KEY_BYTES))
    except FileNotFoundError as error:
        raise Stopped(otherwise) from error
    except (OSError, ValueError) as error:
        raise Stopped("key_damaged") from error
    if not making.belongs(key, certificate):
        raise Stopped("key_damaged")
    return key


def _write(certificate: x509.Certificate, kind: str, key: making.Key) -> Path:
    try:
        return key_files.write(_name(certificate, kind), making.key_bytes(key))
    except OSError as error:
        raise Stopped("key_unwritable") from error


def _name(certificate: x509.Certificate, kind: str) -> str:
    return f"{kind}-{making.certificate_hash(certificate)[:16]}.key"
