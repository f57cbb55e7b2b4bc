"""Asking for ZIPs of images, if they are not too large for the studio."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
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

# Of one ZIP. More images become several ZIPs, as many as a person may have open at once.
MOST_BYTES, MOST_ZIPS = 4 * 10**9, asking.MOST_OPEN
# What the disk must have left besides the ZIPs.
RESERVE_BYTES = 500_000_000
__all__ = ["ExportRefused", "pack"]


@transaction.atomic
def pack(user: User, keys: Sequence[int], *, names: str) -> list[Export]:
    """Ask for ZIPs of the labelled images, whose files are called as the template `names` says.

    There is one ZIP, or so many that each has at most `MOST_BYTES`; their images are numbered
    through. The same again while they are being made returns the first ones. Returns none if `user`
    may see none of the images. Raises ExportRefused, before anything is written.
    """
    found = {image.pk: image for image in chosen.visible(user, keys).select_related("run")}
    if not found:
        return []
    parts = _parts(list(found))
    wanted = [_options(parts, number, names) for number in range(len(parts))]
    open_now = Export.objects.filter(user=user, kind=IMAGES.name, state__in=OPEN)
    asked = [export for export in open_now.order_by("pk") if export.options in wanted]
    if len(asked) == len(wanted):
        return asked
    exports = [
        asking.ask(user, kind=IMAGES.name, format="zip", options=options) for options in wanted
    ]
    for export, part in zip(exports, parts, strict=True):
        facts = {"export": str(export.uuid)}
        packed = [found[key] for key in part]
        chosen.record(Event.IMAGES_PACKED, packed, actor=user, facts=facts)
    return exports


def _options(parts: Sequence[Sequence[int]], number: int, names: str) -> dict[str, Any]:
    options: dict[str, Any] = {"images": list(parts[number]), "names": names}
    if len(parts) > 1:
        before = sum(len(part) for part in parts[:number])
        options |= {"part": number + 1, "parts": len(parts), "before": before}
    return options


def _parts(keys: Sequence[int]) -> list[list[int]]:
    """The images of each ZIP. Raises ExportRefused if these are too many, or the disk too small."""
    files = Rendition.objects.filter(image__in=keys, recipe=FULL.name)
    sizes = dict(files.values_list("image", "bytes"))
    parts: list[list[int]] = [[]]
    size = 0
    for key in keys:
        if parts[-1] and size + sizes.get(key, 0) > MOST_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(key)
        size += sizes.get(key, 0)
    _refuse_too_large(sum(sizes.values()), len(parts))
    return parts


def _refuse_too_large(size: int, parts: int) -> None:
    if parts > MOST_ZIPS:
        raise ExportRefused(
            _("These images are %(size)s, and %(count)d ZIPs hold %(most)s. Choose fewer.")
            % {
                "size": filesizeformat(size),
                "count": MOST_ZIPS,
                "most": filesizeformat(MOST_ZIPS * MOST_BYTES),
            }
        )
    if size + RESERVE_BYTES > storage.free_bytes():
        raise ExportRefused(
            _("The studio's disk has no room for %(size)s. Choose fewer images, or tell an admin.")
            % {"size": filesizeformat(size)}
        )
