"""Asking for a ZIP of images, if it is not too large for the studio."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from accounts.events import Event
from accounts.models import User
from generations import storage
from generations.exports import asking
from generations.exports.asking import ExportRefused
from generations.exports.images import IMAGES
from generations.labelling import FULL
from generations.models import Export, Rendition
from generations.models.export import OPEN
from generations.tidying import chosen

MOST_BYTES = 4 * 10**9
# What the disk must have left besides the ZIP.
RESERVE_BYTES = 500_000_000
__all__ = ["ExportRefused", "pack"]


@transaction.atomic
def pack(user: User, keys: Sequence[int], *, names: str) -> Export | None:
    """Ask for a ZIP of the labelled images, whose files are called as the template `names` says.

    The same again while it is being made returns the first one. Returns None if `user` may see none
    of the images. Raises ExportRefused, before anything is written.
    """
    images = list(chosen.visible(user, keys).select_related("run"))
    wanted = [image.pk for image in images]
    options: dict[str, Any] = {"images": wanted, "names": names}
    for export in Export.objects.filter(user=user, kind=IMAGES.name, state__in=OPEN):
        if export.options == options:
            return export
    if not images:
        return None
    _refuse_too_large(wanted)
    export = asking.ask(user, kind=IMAGES.name, format="zip", options=options)
    facts = {"export": str(export.uuid)}
    chosen.record(Event.IMAGES_PACKED, images, actor=user, facts=facts)
    return export


def _refuse_too_large(keys: Sequence[int]) -> None:
    files = Rendition.objects.filter(image__in=keys, recipe=FULL.name)
    size = files.aggregate(size=Sum("bytes"))["size"] or 0
    if size > MOST_BYTES:
        raise ExportRefused(
            _("These images are %(size)s. A ZIP may have %(most)s. Choose fewer, in several ZIPs.")
            % {"size": filesizeformat(size), "most": filesizeformat(MOST_BYTES)}
        )
    if size + RESERVE_BYTES > storage.free_bytes():
        raise ExportRefused(
            _("The studio's disk has no room for %(size)s. Choose fewer images, or tell an admin.")
            % {"size": filesizeformat(size)}
        )
