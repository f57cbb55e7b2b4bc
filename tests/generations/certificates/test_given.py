"""A chain of the operator's, with its key in a setting or in a KMS."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from django.core.management import CommandError, call_command
from django.utils import timezone
from moto.kms.utils import ECDSAPrivateKey

from accounts import notices
from generations import certificates, checks
from generations.certificates import given, kms, making
from generations.labelling.manifests.credentials import TRUSTED
from generations.models import LabelCertificate
from generations.notice_kinds import CERTIFICATE_ENDS, IMAGES_UNSIGNED

pytestmark = pytest.mark.django_db


class Bought:
    """A chain as one buys it: a certificate and its key."""

    def __init__(self, **times):
        now = timezone.now() + timedelta(**times)
        self.root, self.root_key = making.make_root("Trust Ltd", now=now)
        self.chain, key = making.make_leaf(self.root, self.root_key, now=now)
        self.key = making.key_bytes(key).decode()


@pytest.fixture
def bought(keys, settings):
    bought = Bought()
    settings.LABEL_CHAIN, settings.LABEL_KEY = bought.chain, bought.key
    return bought


def causes(kind=IMAGES_UNSIGNED):
    return {cause for _kind, cause in notices.lasting([kind])}


def test_signs_with_it_and_makes_nothing(bought, keys, sign, credentials_of):
    signed = sign()

    assert credentials_of(signed).state == TRUSTED
    assert credentials_of(signed).issuer == "Trust Ltd"
    row = LabelCertificate.objects.get()
    assert (row.origin, row.sha256) == ("given", signed.certificate)
    assert not keys.exists()
    assert checks.signing_is_configured() == []


def test_files_signed_before_stay_valid(keys, sign, settings, credentials_of):
    own = sign()
    bought = Bought()
    settings.LABEL_CHAIN, settings.LABEL_KEY = bought.chain, bought.key
    theirs = sign()
    settings.LABEL_CHAIN = settings.LABEL_KEY = ""
    again = sign()

    assert {credentials_of(each).state for each in (own, theirs, again)} == {TRUSTED}
    assert own.certificate == again.certificate != theirs.certificate


def test_without_its_root(keys, sign, settings, credentials_of):
    """One buys a certificate and those between it and the root, which readers have."""
    bought = Bought()
    middle = bought.root
    settings.LABEL_CHAIN, settings.LABEL_KEY = bought.chain, bought.key

    assert middle.subject == middle.issuer
    assert credentials_of(sign()).state == TRUSTED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"LABEL_KEY": ""}, "chain_alone"),
        ({"LABEL_CHAIN": ""}, "key_alone"),
        ({"LABEL_KMS_KEY": "alias/x"}, "key_twice"),
        ({"LABEL_CHAIN": "no certificates"}, "chain_malformed"),
        ({"LABEL_CHAIN": Bought().chain + Bought().chain}, "chain_malformed"),
        ({"LABEL_CHAIN": making.pem(making.read_chain(Bought().chain)[0])}, "chain_short"),
        ({"LABEL_KEY": "no key"}, "key_malformed"),
        ({"LABEL_KEY": Bought().key}, "key_other"),
        ({"LABEL_CHAIN": Bought(days=-400).chain}, "chain_expired"),
        ({"LABEL_CHAIN": Bought(days=400).chain}, "chain_early"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_not_sign(bought, sign, settings, keys, changes, code):
    for name, value in changes.items():
        setattr(settings, name, value)

    assert sign() is None
    assert causes() == {code}
    (warning,) = checks.signing_is_configured()
    assert warning.id == "generations.W006"
    with pytest.raises(CommandError):
        call_command("rotate_label_key")
    assert not LabelCertificate.objects.exists()
    settings.LABEL_CHAIN, settings.LABEL_KEY, settings.LABEL_KMS_KEY = bought.chain, bought.key, ""
    assert sign()
    assert causes() == set()


def test_a_chain_for_another_purpose(bought, sign, settings):
    """The root itself, twice: it may not sign images."""
    settings.LABEL_CHAIN = making.pem(bought.root) * 2

    assert sign() is None
    assert causes() == {"chain_unfit"}


def test_admins_are_told_before_it_ends(keys, sign, settings):
    bought = Bought(days=20 - 365)
    settings.LABEL_CHAIN, settings.LABEL_KEY = bought.chain, bought.key

    assert sign()
    assert len(causes(CERTIFICATE_ENDS)) == 1


class TestKms:
    @pytest.fixture
    def service(self, keys, settings, s3_server, monkeypatch):
        """A key at a KMS, below a root of somebody's."""
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", s3_server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "studio")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setattr(ECDSAPrivateKey, "sign", sign_digest)
        kms._cached_client.cache_clear()
        client = s3_server.client("kms")
        made = client.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]
        der = client.get_public_key(KeyId=made["KeyId"])["PublicKey"]
        settings.LABEL_KMS_KEY = made["Arn"]
        settings.LABEL_CHAIN = chain_for(serialization.load_der_public_key(der))
        yield client
        kms._cached_client.cache_clear()

    def test_signs(self, service, keys, sign, credentials_of):
        signed = sign()

        assert credentials_of(signed).state == TRUSTED
        assert not keys.exists()

    def test_also_with_a_time_stamp(self, service, sign, authority, credentials_of):
        signed = sign()

        assert signed.is_stamped
        assert credentials_of(signed).state == TRUSTED

    def test_that_is_away_costs_only_the_signature(self, service, sign, settings):
        settings.LABEL_KMS_KEY = "arn:aws:kms:us-east-1:123456789012:key/gone"

        assert sign().certificate == ""
        assert causes() == {"refused"}


def sign_digest(key, message, signing_algorithm):
    """What moto lacks: a signature of a hash."""
    assert signing_algorithm == "ECDSA_SHA_256"
    return key.private_key.sign(message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def chain_for(public_key):
    """A chain for a key that is elsewhere."""
    root, root_key = making.make_root("Trust Ltd", now=timezone.now())
    leaf = making.read_chain(making.make_leaf(root, root_key, now=timezone.now())[0])[0]
    builder = x509.CertificateBuilder(
        leaf.issuer,
        leaf.subject,
        public_key,
        x509.random_serial_number(),
        leaf.not_valid_before_utc,
        leaf.not_valid_after_utc,
    )
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(public_key)
        builder = builder.add_extension(value, critical=extension.critical)
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    return making.pem(builder.sign(root_key, hashes.SHA256())) + making.pem(root)


def test_the_studio_makes_none_as_long_as_a_setting_names_one(bought):
    assert given.is_given()
    assert certificates.rotate().origin == "given"
