"""A chain that the operator has bought or made, with its key in a setting or in a KMS."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from cryptography import x509
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from generations.certificates import making
from generations.certificates.register import register
from generations.certificates.troubles import Stopped
from generations.labelling.manifests.signing import Key
from generations.models import LabelCertificate

# boto3 takes time and memory, which a studio without a KMS saves.
KMS = "generations.certificates.kms.signing_with"
# A bought certificate takes some time to get.
ENDS_SOON = timedelta(days=30)

Origin = LabelCertificate.Origin


def is_given() -> bool:
    """Whether a setting names a chain or a key. The studio then makes none itself."""
    return bool(settings.LABEL_CHAIN or settings.LABEL_KEY or settings.LABEL_KMS_KEY)


def current() -> tuple[LabelCertificate, Key]:
    """The certificate that signs now, and what signs. Raises Stopped."""
    chain = checked_chain()
    sign = _signing(chain[0])
    row = _found(chain) or _registered(chain)
    if row.withdrawn_at:
        raise Stopped("chain_withdrawn")
    return row, sign


def ends_soon(row: LabelCertificate) -> bool:
    return row.ends_at - timezone.now() < ENDS_SOON


def checked_chain() -> list[x509.Certificate]:
    """The certificates of LABEL_CHAIN. Raises Stopped if they can't sign now."""
    for is_wrong, code in (
        (not settings.LABEL_CHAIN, "key_alone"),
        (not (settings.LABEL_KEY or settings.LABEL_KMS_KEY), "chain_alone"),
        (settings.LABEL_KEY and settings.LABEL_KMS_KEY, "key_twice"),
    ):
        if is_wrong:
            raise Stopped(code)
    try:
        chain = making.read_chain(settings.LABEL_CHAIN)
    except ValueError as error:
        raise Stopped("chain_malformed") from error
    if len(chain) == 1:
        raise Stopped("chain_short")
    _check(chain)
    return chain


def _check(chain: list[x509.Certificate]) -> None:
    now = timezone.now()
    if not making.is_fit(chain[0]):
        raise Stopped("chain_unfit")
    if any(each.not_valid_after_utc <= now for each in chain):
        raise Stopped("chain_expired")
    if any(each.not_valid_before_utc > now for each in chain):
        raise Stopped("chain_early")
    if settings.LABEL_KEY and not making.belongs(_key(), chain[0]):
        raise Stopped("key_other")


def _key() -> making.Key:
    try:
        return making.read_key(settings.LABEL_KEY.encode())
    except ValueError as error:
        raise Stopped("key_malformed") from error


def _signing(leaf: x509.Certificate) -> Key:
    if settings.LABEL_KEY:
        return partial(making.sign, _key())
    signing_with: Callable[[str], Key] = import_string(KMS)
    return signing_with(settings.LABEL_KMS_KEY)


def _found(chain: list[x509.Certificate]) -> LabelCertificate | None:
    return LabelCertificate.objects.filter(sha256=making.certificate_hash(chain[0])).first()


def _registered(chain: list[x509.Certificate]) -> LabelCertificate:
    newest = LabelCertificate.objects.filter(origin=Origin.GIVEN).order_by("-pk").first()
    text = "".join(map(making.pem, chain))
    row = register(text, Origin.GIVEN, instead_of=newest)
    if row.sha256 != making.certificate_hash(chain[0]):
        # Another process has just begun to use another chain.
        raise Stopped("chain_differs")
    return row
