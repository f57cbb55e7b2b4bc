"""ZIPs of labelled images that people chose in the gallery, with a table of what is in them."""

import csv
import datetime as dt
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import access
from accounts.evidence import tables
from accounts.phrases import listed
from generations import storage
from generations.exports import file_names
from generations.exports.file_names import About
from generations.exports.kinds import CannotMake, Format, Kind, Making, Step
from generations.imaging import extension
from generations.labelling import FULL
from generations.models import Export, Image, Rendition

FORMATS = (
    Format(
        "zip",
        gettext_lazy("ZIP of images"),
        gettext_lazy("Labelled images, and a table of them."),
        "zip",
        "application/zip",
    ),
)
BATCH = 50
COLUMNS = (
    *("file", "state", "image", "sha256", "bytes", "width", "height", "made_utc", "prompt"),
    *("campaign", "person", "engine"),
)
TABLE = "images.csv"
PACKED, LOST, CHANGED = "packed", "lost from storage", "changed in storage"
# When ZIP's own calendar begins; dates before it can't be written.
FIRST_YEAR = 1980


def make(export: Export, path: Path) -> Making:
    """Write the ZIP to `path`, in constant memory; see `kinds.Making`."""
    keys: list[int] = export.options["images"]
    states: list[str] = []
    with (
        tempfile.TemporaryFile("w+", encoding=tables.ENCODING, dir=path.parent) as table,
        zipfile.ZipFile(path, "x", zipfile.ZIP_STORED, strict_timestamps=False) as packed,
    ):
        table.write(_text(COLUMNS))
        names = _Names(export.options["names"], count=export.options.get("before", 0))
        for start in range(0, len(keys), BATCH):
            for row, image in _rows(export, keys[start : start + BATCH]):
                states.append(_add(packed, table, names, row, image))
                yield Step(len(states), len(keys))
        if PACKED not in states:
            raise CannotMake(_("None of the images can be packed any more."))
        _add_table(packed, table)
    lacking = len(keys) - states.count(PACKED)
    return {"images": states.count(PACKED), "pictures_lacking": lacking}


def may_have(export: Export) -> bool:
    """Whether the person may still see images of the team."""
    reader = export.user
    is_of_team = reader.is_active and reader.team_id == export.team_id
    return is_of_team and reader.has_perm(access.SEE_IMAGES)


def in_words(export: Export) -> str:
    """How many images were chosen, and which of several ZIPs this is."""
    count, options = len(export.options["images"]), export.options
    text = ngettext("%(count)s image", "%(count)s images", count) % {"count": f"{count:,}"}
    part = _("ZIP %(part)d of %(parts)d") % options if "part" in options else ""
    return listed(text, part)


def file_name(export: Export) -> str:
    name = f"images-{export.created_at.astimezone(dt.UTC):%Y-%m-%d}-{str(export.uuid)[:8]}"
    part = "-{part}-of-{parts}".format(**export.options) if "part" in export.options else ""
    return name + part


IMAGES = Kind("images", gettext_lazy("Images"), FORMATS, make, may_have, in_words, file_name)


class _Names:
    """Gives each image of a ZIP a name that no other has, whatever letters are capitals."""

    def __init__(self, template: str, *, count: int) -> None:
        self.template, self.count = template, count
        self.given = {TABLE}

    def name(self, row: Rendition, image: Image) -> str:
        self.count += 1
        run = image.run
        about = About(
            made_at=image.created_at.astimezone(dt.UTC),
            campaign=run.campaign.name if run.campaign else "",
            prompt="" if run.erased_at else run.prompt,
            person=run.user.name,
            engine=run.engine.rpartition("/")[2],
            width=row.width,
            height=row.height,
            id=str(image.uuid)[:8],
            number=self.count,
        )
        stem = file_names.name_of(about, self.template)
        ending = extension(row.format)
        name = f"{stem}.{ending}"
        if name.casefold() in self.given:
            name = f"{stem}_{about.id}-{self.count}.{ending}"
        self.given.add(name.casefold())
        return name


def _rows(export: Export, keys: Sequence[int]) -> Iterator[tuple[Rendition, Image]]:
    """The files of those images that the person may still see, in the order of `keys`."""
    images = Image.objects.among(keys, export.user).filter(hidden_at__isnull=True)
    found = images.select_related("run__user", "run__campaign").in_bulk(keys)
    rows = Rendition.objects.filter(image__in=found, recipe=FULL.name)
    files = {row.image_id: row for row in rows}
    return ((files[key], found[key]) for key in keys if key in files and key in found)


def _add(
    packed: zipfile.ZipFile, table: IO[str], names: _Names, row: Rendition, image: Image
) -> str:
    """Add a file and its row of the table; returns its state. Raises StorageAway."""
    name = names.name(row, image)
    state = PACKED
    try:
        with storage.content(storage.renditions(), row.name, sha256=row.sha256) as file:
            _copy(packed, name, image.created_at, file)
    except FileNotFoundError:
        name, state = "", LOST
    except storage.FileDamaged:
        name, state = "", CHANGED
    table.write(_text(_described(name, state, row, image)))
    return state


def _copy(packed: zipfile.ZipFile, name: str, made_at: dt.datetime, file: IO[bytes]) -> None:
    time = made_at.astimezone(dt.UTC).timetuple()[:6]
    about = zipfile.ZipInfo(name, time if time[0] >= FIRST_YEAR else (FIRST_YEAR, 1, 1, 0, 0, 0))
    about.external_attr = 0o644 << 16
    with packed.open(about, "w", force_zip64=True) as target:
        shutil.copyfileobj(file, target, 1 << 20)


def _described(name: str, state: str, row: Rendition, image: Image) -> list[Any]:
    run = image.run
    return [
        *(name, state, image.uuid, row.sha256, row.bytes, row.width, row.height),
        *(image.created_at.astimezone(dt.UTC).isoformat(), run.prompt),
        *(run.campaign.name if run.campaign else "", run.user.name, run.engine),
    ]


def _add_table(packed: zipfile.ZipFile, table: IO[str]) -> None:
    table.flush()
    binary = table.buffer  # type: ignore[attr-defined]
    binary.seek(0)
    with packed.open(TABLE, "w") as target:
        shutil.copyfileobj(binary, target, 1 << 20)


def _text(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(map(tables.cell, values))
    return text.getvalue()
