"""The label report: each labelled file of a campaign, and what it says when it is read."""

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.events import Event
from accounts.evidence import tables
from accounts.models import Record
from generations import label_reading, storage
from generations.exports.kinds import CannotMake, Format, Kind, Making, Step
from generations.exports.log import may_have
from generations.labelling import FULL
from generations.labelling.inspecting.layers import Layers
from generations.labelling.inspecting.verdict import faults
from generations.models import Export, Image, Rendition
from generations.paths import download_name

FORMATS = (
    Format(
        "csv",
        gettext_lazy("CSV table"),
        gettext_lazy("One labelled file a row, for spreadsheets."),
        "csv",
        "text/csv; charset=utf-8",
    ),
)
BATCH = 20
COLUMNS = (
    *("image", "file", "download_name", "sha256", "bytes", "width", "height", "made_utc"),
    *("label_version", "badge", "badge_corner", "badge_preset", "badge_capitals_px"),
    *("badge_contrast", "source_type", "aigc_producer", "c2pa"),
    *("signing_certificate", "signature_time_stamp", "imperceptible_mark", "verdict"),
)
COMPLETE, LOST, CHANGED = "complete", "lost from storage", "changed in storage"
MISSING = "missing"
# A signature's time stamp, by `Rendition.is_stamped`.
STAMPED = {True: "yes", False: "missing", None: "not asked for"}

Label = Mapping[str, Any]


def make(export: Export, path: Path) -> Making:
    """Write the report to `path`, in constant memory; see `kinds.Making`."""
    chosen = _images(export)
    total, done = chosen.count(), 0
    if not total:
        raise CannotMake(_("There is no image to report on."))
    verdicts: Counter[bool] = Counter()
    with path.open("xb") as file:
        file.write(_text(COLUMNS).encode(tables.ENCODING))
        for images in _batches(chosen):
            labels = _labels(images)
            for image in images:
                for row in _rows(image, labels.get(image.uuid, {})):
                    file.write(_text(row).encode())
                    verdicts[row[COLUMNS.index("verdict")] == COMPLETE] += 1
                done += 1
                yield Step(min(done, total), total)
    files = sum(verdicts.values())
    return {"images": done, "files_read": files, "files_lacking": verdicts[False]}


def in_words(export: Export) -> str:
    """Of which campaign it is."""
    return ", ".join(export.options["words"])


def file_name(export: Export) -> str:
    return f"labels-{export.created_at.astimezone(dt.UTC):%Y-%m-%d}-{str(export.uuid)[:8]}"


LABELS = Kind("labels", gettext_lazy("Label report"), FORMATS, make, may_have, in_words, file_name)


def _images(export: Export) -> QuerySet[Image]:
    """The images of the campaign, or all, that the person may see."""
    rows = Image.objects.filter(erased_at__isnull=True, hidden_at__isnull=True)
    if not export.of_whole_log:
        rows = rows.filter(team=export.team)
    campaign = export.options.get("campaign")
    return rows.filter(run__campaign__uuid=campaign) if campaign else rows


def _batches(chosen: QuerySet[Image]) -> Iterator[list[Image]]:
    last = 0
    rows = chosen.prefetch_related("renditions").order_by("pk")
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        yield batch
        last = batch[-1].pk


def _labels(images: Sequence[Image]) -> dict[UUID, Label]:
    """What the newest record of each image says of its label."""
    events = (Event.IMAGE_STORED, Event.IMAGE_RELABELLED)
    of_images = Record.objects.filter(subject_id__in=[each.uuid for each in images])
    rows = of_images.filter(event__in=events).order_by("pk").values_list("subject_id", "facts")
    return {uuid: facts.get("label") or {} for uuid, facts in rows}


def _rows(image: Image, label: Label) -> Iterator[list[object]]:
    for row in sorted(image.renditions.all(), key=lambda each: -each.bytes):
        layers, verdict = _read(image, row)
        badge = _badge(row, label)
        yield [
            *(image.uuid, row.recipe, _download_name(image, row), row.sha256, row.bytes),
            *(row.width, row.height, row.created_at.astimezone(dt.UTC).isoformat()),
            *(row.label_version, badge.get("text", ""), badge.get("corner", "")),
            *(row.preset, row.capitals or "", badge.get("contrast", "")),
            *(_source_type(layers), _producer(layers), _state(layers)),
            *(row.certificate, STAMPED[row.is_stamped] if row.certificate else ""),
            *(layers.mark.state if layers else "", verdict),
        ]


def _source_type(layers: Layers | None) -> str:
    """The last part of the address that IPTC gives it."""
    types = layers.xmp.source_types if layers and layers.xmp else ()
    return types[0].rpartition("/")[2] if types else ""


def _producer(layers: Layers | None) -> str:
    """Who stands in the AIGC mark."""
    return layers.aigc[0].fields.get("ContentProducer", "") if layers and layers.aigc else ""


def _state(layers: Layers | None) -> str:
    if layers is None:
        return ""
    return layers.credentials.state if layers.credentials else MISSING


def _badge(row: Rendition, label: Label) -> Label:
    """The badge as it was drawn, by its row; by the newest record if the row does not say it."""
    return row.badge or {"text": label.get("badge", ""), "corner": label.get("badge_corner", "")}


def _download_name(image: Image, row: Rendition) -> str:
    """The name by which people save it; only full files are offered for that."""
    if row.recipe != FULL.name:
        return ""
    return download_name(image.uuid, image.created_at, row.format)


def _read(image: Image, row: Rendition) -> tuple[Layers | None, str]:
    """What the stored file says, and what that is worth. Raises StorageAway.

    The mark is looked for in full files only: it is the same in the others.
    """
    try:
        with storage.content(storage.renditions(), row.name, sha256=row.sha256) as file:
            has_mark = row.recipe == FULL.name and row.mark_key is not None
            layers = label_reading.look(file.read(), pixels=has_mark)
    except FileNotFoundError:
        return None, LOST
    except storage.FileDamaged:
        return None, CHANGED
    lacking = [*faults(layers, signed=bool(row.certificate), marked=has_mark)]
    if layers.xmp and layers.xmp.image_id != str(image.uuid):
        lacking.append("id_wrong")
    return layers, " ".join(lacking) or COMPLETE


def _text(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(map(tables.cell, values))
    return text.getvalue()
