"""Signers, ours and others, and what they sign."""

import datetime as dt
import io
import json
from functools import cache

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from generations.certificates import making
from generations.imaging import mime_type
from generations.imaging.containers import sniff
from generations.labelling.manifests.signing import C2paSigner, Certificate

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PROVIDER = "Upstream Pictures Ltd"
CREATED = {
    "action": "c2pa.created",
    "digitalSourceType": GENERATED,
    "softwareAgent": {"name": "Upstream Model", "version": "7"},
    "when": "2026-11-21T10:00:00Z",
}
OPENED = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent"]}}


class Upstream:
    """A provider that signs what it makes. `root` is its certificate authority, in PEM."""

    def __init__(self, organisation: str = PROVIDER, *, days: tuple[int, int] = (-1, 30)) -> None:
        authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _certificate(organisation, authority, None, days)
        leaf = _certificate(organisation, key, (root, authority), days)
        self.root = _pem(root)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._info = c2pa.C2paSignerInfo(b"es256", (_pem(leaf) + self.root).encode(), private, None)

    def sign(self, data, *, actions=(CREATED,), assertions=(), parent=None, remote="", embed=True):
        """`data` with a manifest. `parent` is a file that was opened, `remote` an address."""
        listed = {"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}
        if parent is not None:
            listed["data"]["actions"] = [OPENED, {"action": "c2pa.edited"}]
        manifest = {
            "claim_generator_info": [{"name": "Upstream", "version": "1.2"}],
            "assertions": [listed, *assertions],
        }
        settings = {
            "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
            "builder": {"thumbnail": {"enabled": False}},
        }
        context = c2pa.Context(c2pa.Settings.from_dict(settings))
        out = io.BytesIO()
        with (
            c2pa.Signer.from_info(self._info) as signer,
            c2pa.Builder(manifest, context) as builder,
        ):
            if remote:
                builder.set_remote_url(remote)
            if not embed:
                builder.set_no_embed()
            if parent is not None:
                about = {"title": "before", "relationship": "parentOf", "label": "parent"}
                builder.add_ingredient(about, "image/jpeg", io.BytesIO(parent))
            builder.sign(signer, mime_type(sniff(data)), io.BytesIO(data), out)
        return out.getvalue()


@cache
def upstream() -> Upstream:
    return Upstream()


def make_signer(**more) -> C2paSigner:
    """A signer as the studio's, with a certificate below a root of its own."""
    now = dt.datetime.now(dt.UTC)
    root, root_key = making.make_root("Example Ltd", now=now)
    chain, key = making.make_leaf(root, root_key, now=now)
    sha256 = making.certificate_hash(making.read_chain(chain)[0])
    private = making.key_bytes(key).decode()
    certificate = Certificate(chain, sha256, lambda data: making.sign(key, data), private)
    return C2paSigner(certificate, making.pem(root), **more)


def manifests_of(data: bytes) -> dict:
    """All that c2pa reads in a file, as JSON."""
    settings = c2pa.Settings.from_dict({"verify": {"remote_manifest_fetch": False}})
    reader = c2pa.Reader(mime_type(sniff(data)), io.BytesIO(data), context=c2pa.Context(settings))
    with reader:
        return json.loads(reader.json())


def _certificate(organisation, key, issuer, days):
    subject = _name(organisation, "signer" if issuer else "root")
    signing_key = issuer[1] if issuer else key
    start, end = (dt.datetime.now(dt.UTC) + dt.timedelta(days=each) for each in days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(not issuer, None if issuer else 0), critical=True)
        .add_extension(_usage(leaf=bool(issuer)), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(signing_key, hashes.SHA256())


def _usage(*, leaf):
    others = "content_commitment key_encipherment data_encipherment key_agreement"
    no = dict.fromkeys(f"{others} encipher_only decipher_only".split(), False)
    return x509.KeyUsage(digital_signature=leaf, key_cert_sign=not leaf, crl_sign=not leaf, **no)


def _name(organisation, name):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
