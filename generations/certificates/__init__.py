"""What signs images: the studio's own certificate, or one that the settings name."""

import logging
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.utils.module_loading import import_string

from accounts import notices
from generations.certificates import authority, given, making
from generations.certificates.register import own, roots, withdrawn, withdrawn_roots
from generations.certificates.register import withdraw as withdraw_rows
from generations.certificates.stamping import Stamps
from generations.certificates.troubles import TROUBLES, Stopped
from generations.labelling import LabelFacts, Signed
from generations.labelling.manifests.signing import C2paSigner, Certificate
from generations.models import LabelCertificate
from generations.notice_kinds import CERTIFICATE_ENDS, IMAGES_UNSIGNED, IMAGES_UNSTAMPED

logger = logging.getLogger(__name__)

__all__ = [
    "Stopped",
    "StudioSigner",
    "misconfigured",
    "own",
    "roots",
    "rotate",
    "signer",
    "withdraw",
    "withdrawn",
    "withdrawn_roots",
]

# The cause of the notice that an authority is silent: there is one at a time.
AUTHORITY = "authority"


@dataclass(frozen=True)
class StudioSigner:
    """Signs the files of one image, and tells admins what fails. Without a signature, no image is
    lost: its files are stored unsigned, which their rows say, and can be labelled again.
    """

    signer: C2paSigner

    def sign(
        self,
        data: bytes,
        facts: LabelFacts,
        original: bytes,
        *,
        carries: bool = True,
        is_marked: bool = False,
    ) -> Signed:
        """Signed if possible; never raises for what can't be signed."""
        try:
            signed = self.signer.sign(data, facts, original, carries=carries, is_marked=is_marked)
        except ValueError as error:
            logger.error("image %s is not signed: %s", facts.image_id, error)
            _tell("refused")
            return Signed(data)
        _end_troubles("refused")
        _note_stamp(signed.is_stamped)
        return signed


def signer() -> StudioSigner | None:
    """What signs the files of one image now.

    None if signing is off, or can't be: admins are then told, and files are stored unsigned.
    """
    if not settings.LABEL_SIGNING:
        return None
    try:
        certificate = _certificate()
    except Stopped as stopped:
        logger.error("images are not signed: %s", stopped.reason)
        _tell(stopped.code)
        return None
    _end_troubles(*(set(TROUBLES) - {"refused"}))
    stamping = Stamps(settings.LABEL_TIMESTAMP_URL) if settings.LABEL_TIMESTAMP_URL else None
    return StudioSigner(C2paSigner(certificate, roots(), stamping))


def load() -> None:
    """Import what signing needs, before there are threads."""
    if settings.LABEL_KMS_KEY:
        import_string(given.KMS)


def rotate(*, new_root: bool = False) -> LabelCertificate:
    """Let a new certificate sign from now on: the one of the settings, or a new one of our own.

    Raises Stopped.
    """
    if not given.is_given():
        return authority.rotate(new_root=new_root)
    return given.current()[0]


def withdraw(*, reason: str) -> tuple[LabelCertificate, list[LabelCertificate]]:
    """Let a new key sign, because others may have the one before, and withdraw its certificates.

    Of the studio's own, that is every one: their keys stand in one folder. Of those that the
    settings named, it is the one before the present one, so a new one must be set first. Returns
    the certificate that signs now and those that were withdrawn. Raises Stopped.
    """
    if not given.is_given():
        row = authority.rotate(new_root=True)
        return row, withdraw_rows(own().exclude(pk=row.pk), reason=reason)
    row = given.current()[0]
    others = LabelCertificate.objects.filter(origin=LabelCertificate.Origin.GIVEN, pk__lt=row.pk)
    before = others.order_by("-pk").values_list("pk", flat=True)[:1]
    return row, withdraw_rows(others.filter(pk__in=list(before)), reason=reason)


def misconfigured() -> str:
    """What is wrong with the settings, as a sentence; empty if nothing is."""
    if not settings.LABEL_SIGNING or not given.is_given():
        return ""
    try:
        given.checked_chain()
    except Stopped as stopped:
        return stopped.reason
    return ""


def _certificate() -> Certificate:
    if given.is_given():
        row, key = given.current()
        _note_end(row, ends_soon=given.ends_soon(row))
        private = settings.LABEL_KEY
    else:
        row, own_key = authority.current()
        _note_end(row, ends_soon=authority.ends_soon(row))
        key, private = partial(making.sign, own_key), making.key_bytes(own_key).decode()
    return Certificate(row.chain, row.sha256, key, private)


def _note_end(row: LabelCertificate, *, ends_soon: bool) -> None:
    if ends_soon:
        facts = {"until": f"{row.ends_at:%Y-%m-%d}"}
        notices.raise_notice(CERTIFICATE_ENDS, cause=row.sha256, facts=facts)
        return
    for _kind, cause in notices.lasting([CERTIFICATE_ENDS]):
        notices.end(CERTIFICATE_ENDS, cause=cause)


def _note_stamp(is_stamped: bool | None) -> None:
    if is_stamped is False:
        notices.raise_notice(IMAGES_UNSTAMPED, cause=AUTHORITY)
    elif is_stamped:
        notices.end(IMAGES_UNSTAMPED, cause=AUTHORITY)


def _tell(code: str) -> None:
    notices.raise_notice(IMAGES_UNSIGNED, cause=code, facts={"reason": str(TROUBLES[code])})


def _end_troubles(*codes: str) -> None:
    for _kind, cause in notices.lasting([IMAGES_UNSIGNED]):
        if cause in codes:
            notices.end(IMAGES_UNSIGNED, cause=cause)
