"""Exports of the log: the records that fit the filters and that the person may see."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import access, sealing
from accounts.evidence import archive, selection, tables
from accounts.evidence.archive import Progress
from accounts.evidence.places import Places
from accounts.evidence.selection import NothingToExport, Range
from accounts.models import Leaf
from generations.exports import choosing, pictures
from generations.exports.kinds import CannotMake, Format, Kind, Making, Step
from generations.models import Export

ZIP, PICTURES, LINES, TABLE = "zip", "pictures", "jsonl", "csv"
FORMATS = (
    Format(
        ZIP,
        gettext_lazy("ZIP that can be verified"),
        gettext_lazy("With the program that verifies it, without the studio."),
        "zip",
        "application/zip",
    ),
    Format(
        PICTURES,
        gettext_lazy("ZIP with pictures"),
        gettext_lazy("The same, with each labelled picture of which a record tells."),
        "zip",
        "application/zip",
    ),
    Format(
        LINES,
        gettext_lazy("JSON Lines"),
        gettext_lazy("One record a line, for programs."),
        "jsonl",
        "application/jsonl",
    ),
    Format(
        TABLE,
        gettext_lazy("CSV table"),
        gettext_lazy("One record a row, for spreadsheets. Very long texts are cut."),
        "csv",
        "text/csv; charset=utf-8",
    ),
)
# What the counter of pictures that are not written calls those that have newer labels since.
REPLACED = "replaced"
# Records whose places are looked up at once.
BATCH = 1000

Fill = Callable[[Path, Range], Iterator[Progress]]


def make(export: Export, path: Path) -> Making:
    """Write an export of the log to `path`; see `kinds.Making`."""
    erasures = selection.erasures()
    with suppress(sealing.Stopped):  # then what is sealed already is exported
        sealing.seal(most_batches=None)
    try:
        if _is_whole(export):
            selection.refuse_unsealed_erasures()
            facts = yield from _write(export, path, selection.sealed_range())
        else:
            with closing(Places(path.parent)) as places:
                chosen = yield from _choose(export, places)
                facts = yield from _write(export, path, chosen)
    except NothingToExport as error:
        raise CannotMake(_("No sealed record fits the filters.")) from error
    selection.refuse_erased(erasures)
    return facts


def may_have(export: Export) -> bool:
    """Whether the person may still read what they have asked for."""
    reader = export.user
    if not (reader.is_active and reader.has_perm(access.READ_LOG)):
        return False
    return Export.objects.visible_to(reader).filter(pk=export.pk).exists()


def in_words(export: Export) -> str:
    """The filters, in the words of the page on which the export was asked for."""
    return ", ".join(export.options["words"]) or _("All records")


def file_name(export: Export) -> str:
    return f"log-{export.created_at.astimezone(dt.UTC):%Y-%m-%d}-{str(export.uuid)[:8]}"


LOG = Kind("log", gettext_lazy("Log"), FORMATS, make, may_have, in_words, file_name)


# --- Steps ---------------------------------------------------------------------------------------


def _is_whole(export: Export) -> bool:
    return export.of_whole_log and not export.options["filters"]


def _choose(export: Export, places: Places) -> Any:
    """Find the places of the records; yields how many records have been found."""
    newest = selection.newest_checkpoint()
    for keys in choosing.keys(export.user, export.options["asked"], size=BATCH):
        rows = Leaf.objects.filter(record_id__in=keys, place__lt=newest.size)
        places.add(rows.values_list("place", flat=True))
        yield Step(0)
    places.end()
    if not places.count:
        raise NothingToExport("No sealed record was chosen.")
    return Range(places.first, places.last, newest, places)


def _write(export: Export, path: Path, places: Range) -> Making:
    lost: Counter[str] = Counter()
    progress = Progress(0)
    for progress in _fill(export, lost)(path, places):
        yield Step(progress.records + progress.done, places.count + progress.images)
    facts = {
        "first": places.first,
        "last": places.last,
        "records": progress.records,
        "left_out": places.left_out,
    }
    lacking = lost[PICTURES]
    pictures_written = progress.images - lacking - lost[REPLACED]
    told = {"pictures": pictures_written, "pictures_lacking": lacking}
    return facts | told if export.format == PICTURES else facts


def _fill(export: Export, lost: Counter[str]) -> Fill:
    if export.format == LINES:
        return tables.fill_lines
    if export.format == TABLE:
        return tables.fill_csv
    if export.format == ZIP:
        return partial(archive.fill, about=_about(export))
    wanted = partial(
        pictures.of_line,
        reader=export.user,
        lacking=lambda _image: lost.update([PICTURES]),
        replaced=lambda _image: lost.update([REPLACED]),
    )
    return partial(archive.fill, about=_about(export), pictures=wanted)


def _about(export: Export) -> dict[str, Any]:
    """What the manifest says about who asked for what."""
    return {
        "export": str(export.uuid),
        "asked_at": export.created_at.astimezone(dt.UTC).isoformat(),
        "person": str(export.user.uuid),
        "team": None if export.of_whole_log else str(export.team.uuid),
        "filters": export.options["filters"],
        "pictures": export.format == PICTURES,
    }
