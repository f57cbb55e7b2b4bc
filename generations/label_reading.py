"""Reads the labels of any file with what only this studio knows: its roots and its mark's keys."""

import logging
from dataclasses import replace
from functools import partial

from django.db.models import QuerySet

from generations import certificates, mark_keys
from generations.labelling import mark
from generations.labelling.inspecting.layers import Layers, ReadMark, read_layers
from generations.labelling.manifests.credentials import (
    TRUSTED,
    VALID,
    Credentials,
    read_credentials,
)
from generations.models import LabelCertificate

logger = logging.getLogger(__name__)


def look(data: bytes, *, pixels: bool = True) -> Layers:
    """Everything that a file says about its origin. With `pixels`, they are decoded for the mark.

    Raises nothing for what is in the file.
    """
    found = read_layers(data, roots=certificates.roots(), mark=_mark() if pixels else None)
    if found.credentials is None or not found.credentials.is_intact:
        return found
    return replace(found, credentials=_without_withdrawn(found.credentials, data))


def _without_withdrawn(found: Credentials, data: bytes) -> Credentials:
    """No signature below a withdrawn certificate is trusted: others may have made it.

    Whoever has the key of a root makes certificates with any number, so the root is looked at too.
    """
    rows = certificates.withdrawn()
    row = rows.filter(serial=found.serial).first() or _below_withdrawn_root(rows, data)
    return replace(found, state=VALID, withdrawn_at=row.withdrawn_at) if row else found


def _below_withdrawn_root(rows: QuerySet[LabelCertificate], data: bytes) -> LabelCertificate | None:
    if not (roots := certificates.withdrawn_roots()):
        return None
    found = read_credentials(data, roots=roots)
    return rows.first() if found and found.state == TRUSTED else None


def _mark() -> ReadMark | None:
    """Reads the imperceptible mark with every key of the studio; None if it has none."""
    try:
        keys = mark_keys.markers()
    except mark_keys.MarkKeyError as error:
        logger.warning("the imperceptible mark was not looked for: %s", error)
        return None
    return partial(mark.read, keys=keys) if keys else None
