"""Certificates (X.509) as C2PA 2.2, 14.5.1, and RFC 5280 require them: made and read."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_LIFE, LEAF_LIFE = timedelta(days=20 * 365), timedelta(days=365)
# How far the clocks of machines that verify may be behind.
BEFORE = timedelta(days=1)
# A chain has a few certificates of two kilobytes.
MOST_CERTIFICATES, MOST_CHAIN_BYTES = 8, 100_000
NUMBER_BYTES = 32

Key = ec.EllipticCurvePrivateKey

_CLAIM_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_PURPOSES = {ExtendedKeyUsageOID.EMAIL_PROTECTION, _DOCUMENT_SIGNING, _CLAIM_SIGNING}
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def make_root(organisation: str, *, now: datetime) -> tuple[x509.Certificate, Key]:
    """A new certificate authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(organisation, f"{organisation} label root {now:%Y}")
    builder = _builder(name, key.public_key(), now, ROOT_LIFE).issuer_name(name)
    builder = _add(builder, _extensions(key.public_key(), key.public_key(), is_root=True))
    return builder.sign(key, hashes.SHA256()), key


def make_leaf(root: x509.Certificate, root_key: Key, *, now: datetime) -> tuple[str, Key]:
    """A chain in PEM for a new key, and this key. It ends with its root at the latest."""
    key = ec.generate_private_key(ec.SECP256R1())
    organisation = _organisation(root)
    name = _name(organisation, f"{organisation} labels {now:%Y-%m}")
    life = min(LEAF_LIFE, root.not_valid_after_utc - now)
    builder = _builder(name, key.public_key(), now, life).issuer_name(root.subject)
    builder = _add(builder, _extensions(key.public_key(), root_key.public_key(), is_root=False))
    leaf = builder.sign(root_key, hashes.SHA256())
    return pem(leaf) + pem(root), key


def read_chain(chain: str) -> list[x509.Certificate]:
    """The certificates of a chain in PEM, the signing one first, each signed by the next.

    Raises ValueError.
    """
    data = chain.encode()[:MOST_CHAIN_BYTES]
    found = [x509.load_pem_x509_certificate(part) for part in _PEM.findall(data)]
    if not 1 <= len(found) <= MOST_CERTIFICATES:
        raise ValueError("no certificates, or too many")
    try:
        for below, above in pairwise(found):
            below.verify_directly_issued_by(above)
    except (InvalidSignature, TypeError) as error:
        raise ValueError("a certificate is not signed by the next one") from error
    return found


def is_fit(leaf: x509.Certificate) -> bool:
    """Whether a certificate may sign content credentials with ES256."""
    key = leaf.public_key()
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    is_right_key = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"
    return is_right_key and bool(_PURPOSES.intersection(purposes))


def certificate_hash(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def key_bytes(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_key(data: bytes) -> Key:
    """A private key for P-256 from PEM. Raises ValueError."""
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError as error:  # it has a password
        raise ValueError("a key with a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("not a key for P-256")
    return key


def belongs(key: Key, certificate: x509.Certificate) -> bool:
    return key.public_key() == certificate.public_key()


def sign(key: Key, data: bytes) -> bytes:
    """The signature of bytes in the form of COSE."""
    return raw_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))


def raw_signature(der: bytes) -> bytes:
    """A signature as COSE has it (RFC 9053, 2.1: r and s) from one as X.509 has it (DER)."""
    return b"".join(part.to_bytes(NUMBER_BYTES, "big") for part in utils.decode_dss_signature(der))


def _builder(
    name: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + life)
    )


Extensions = Sequence[tuple[x509.ExtensionType, bool]]


def _add(builder: x509.CertificateBuilder, extensions: Extensions) -> x509.CertificateBuilder:
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _extensions(
    key: ec.EllipticCurvePublicKey, issuer: ec.EllipticCurvePublicKey, *, is_root: bool
) -> Extensions:
    """Each with whether a reader that does not know it must refuse the certificate."""
    made: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), True),
        (_usage(is_root=is_root), True),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), False),
    ]
    if not is_root:
        # Not claim signing: that is for those who conform to C2PA's programme.
        made.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False))
    return made


def _usage(*, is_root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_root,
        key_cert_sign=is_root,
        crl_sign=is_root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(organisation: str, name: str) -> x509.Name:
    return x509.Name(_attributes(organisation, name))


def _attributes(organisation: str, name: str) -> Iterator[x509.NameAttribute]:
    # RFC 5280, A.1: at most 64 characters each.
    yield x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64])
    yield x509.NameAttribute(NameOID.COMMON_NAME, name[:64])


def _organisation(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)
