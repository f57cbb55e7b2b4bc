"""The labelled pictures of which records tell, for an export of the log."""

from collections.abc import Callable, Iterator

from django.db.models import QuerySet

from accounts import audit
from accounts.evidence.archive import Picture
from accounts.evidence.lines import Line
from accounts.models import User
from generations import storage
from generations.imaging import extension
from generations.labelling import FULL
from generations.models import FormerRendition, Image, Rendition


def of_line(
    line: Line,
    *,
    reader: User | None,
    lacking: Callable[[str], object],
    replaced: Callable[[str], object] = lambda _image: None,
) -> Iterator[Picture]:
    """The labelled picture of which a record tells, as `accounts.evidence.archive` wants it.

    Only what `reader` may see; without one, every picture. Calls `lacking` with the identifier of
    an image whose file storage has lost or can't read, and `replaced` if the image has newer labels
    since, of which another record tells.
    """
    record = line["record"]
    image, known = record["subject"]["id"], list(record["facts"].get("renditions", {}).values())
    for row in _visible_to(reader).filter(image__uuid=image, recipe=FULL.name, sha256__in=known):
        try:
            content = storage.content(storage.renditions(), row.name, sha256=row.sha256)
        except (FileNotFoundError, storage.FileDamaged):
            lacking(image)
            continue
        yield f"{image}.{extension(row.format)}", content
    if FormerRendition.objects.filter(recipe=FULL.name, sha256__in=known).exists():
        replaced(image)


def _visible_to(reader: User | None) -> QuerySet[Rendition]:
    if reader is None:
        return Rendition.objects.all()
    found = Rendition.objects.filter(image__hidden_at__isnull=True)
    if audit.reads_whole_log(reader):
        return found
    return found.filter(image__in=Image.objects.visible_to(reader))
