"""The certificates of all times as rows, and the writing of new ones, on the record."""

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import Studio
from generations.certificates import making
from generations.models import LabelCertificate


def own() -> QuerySet[LabelCertificate]:
    """The certificates that the studio made, the newest first."""
    return LabelCertificate.objects.filter(origin=LabelCertificate.Origin.OWN).order_by("-pk")


def roots() -> str:
    """The roots of all certificates that sign or signed images and were not withdrawn, in PEM."""
    return "".join(_roots_of(LabelCertificate.objects.filter(withdrawn_at=None)))


def withdrawn_roots() -> str:
    """The roots of withdrawn certificates that no other certificate has, in PEM."""
    in_force = _roots_of(LabelCertificate.objects.filter(withdrawn_at=None))
    return "".join(root for root in _roots_of(withdrawn()) if root not in in_force)


def withdrawn() -> QuerySet[LabelCertificate]:
    """The certificates that were withdrawn, the last one first."""
    return LabelCertificate.objects.exclude(withdrawn_at=None).order_by("-withdrawn_at", "-pk")


def withdraw(rows: QuerySet[LabelCertificate], *, reason: str) -> list[LabelCertificate]:
    """Withdraw certificates whose keys others may have, on record. Returns those it has changed."""
    with transaction.atomic():
        studio = _locked()
        found = list(rows.filter(withdrawn_at=None))
        for row in found:
            row.withdrawn_at = timezone.now()
            row.save(update_fields=["withdrawn_at"])
            facts = {"sha256": row.sha256, "serial": row.serial}
            audit.record(
                Event.LABEL_CERTIFICATE_WITHDRAWN,
                actor=None,
                subject=studio,
                facts=facts,
                personal={"reason": reason},
            )
    return found


def _roots_of(rows: QuerySet[LabelCertificate]) -> dict[str, None]:
    chains = rows.order_by("pk").values_list("chain", flat=True)
    return dict.fromkeys(making.pem(making.read_chain(each)[-1]) for each in chains)


def register(
    chain: str,
    origin: LabelCertificate.Origin,
    *,
    instead_of: LabelCertificate | None,
    files: Sequence[Path] = (),
) -> LabelCertificate:
    """Add a chain, unless another process was first. Returns the newest one of its origin.

    `files` hold its keys and are written already: without them, the row would name a key that
    nobody has. They are removed if another process was first.
    """
    certificates = making.read_chain(chain)
    with transaction.atomic():
        studio = _locked()
        newest = LabelCertificate.objects.filter(origin=origin).order_by("-pk").first()
        if newest == instead_of:
            if _is_new(certificates[-1]):
                _record_root(studio, certificates[-1])
            return _add(studio, certificates, chain, origin)
    for path in files:
        path.unlink(missing_ok=True)
    assert newest is not None  # noqa: S101  # it differs from `instead_of`, and no row is deleted
    return newest


def _locked() -> Studio:
    """Make this transaction the only one that adds certificates."""
    Studio.objects.get_or_create(pk=Studio.ONLY)
    return Studio.objects.select_for_update().get(pk=Studio.ONLY)


def _is_new(root: x509.Certificate) -> bool:
    return making.pem(root) not in _roots_of(LabelCertificate.objects.all())


def _record_root(studio: Studio, root: x509.Certificate) -> None:
    facts = {
        "sha256": making.certificate_hash(root),
        "name": root.subject.rfc4514_string(),
        "until": root.not_valid_after_utc.isoformat(),
    }
    audit.record(Event.LABEL_ROOT_ADDED, actor=None, subject=studio, facts=facts)


def _add(
    studio: Studio,
    certificates: list[x509.Certificate],
    chain: str,
    origin: LabelCertificate.Origin,
) -> LabelCertificate:
    leaf = certificates[0]
    row = LabelCertificate.objects.create(
        sha256=making.certificate_hash(leaf),
        serial=str(leaf.serial_number),
        chain=chain,
        origin=origin,
        begins_at=leaf.not_valid_before_utc,
        # The chain ends with the certificate that ends first.
        ends_at=min(each.not_valid_after_utc for each in certificates),
    )
    facts = {
        "sha256": row.sha256,
        "serial": row.serial,
        "origin": str(row.origin),
        "until": row.ends_at.isoformat(),
    }
    audit.record(Event.LABEL_CERTIFICATE_ADDED, actor=None, subject=studio, facts=facts)
    return row
