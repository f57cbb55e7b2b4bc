"""Files for browsers: labelled files to look at or to save, and originals for a stated reason.

A download is recorded after the file was found and before its link or first byte is sent. A file
that has changed in storage is not sent; admins are told, and a labelled file is made again from its
original. Views check the rights first.
"""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import audit, notices
from accounts.events import Event
from accounts.models import Record, User
from generations import conversions, storage, usage
from generations.exports.images import IMAGES
from generations.exports.registry import file_name, format_of, stored_name
from generations.imaging import mime_type
from generations.labelling import FULL
from generations.models import Conversion, Export, Image, Reference, Rendition
from generations.notice_kinds import FILE_DAMAGED
from generations.paths import download_name
from generations.relabelling import asking as relabelling

RESUMED_WITHIN = dt.timedelta(days=1)


@dataclass(frozen=True)
class File:
    """A file for a browser: `source` is a link or the open file, `name` the name to save it by.

    A file that is only looked at has no `name`.
    """

    source: str | BinaryIO
    mime_type: str
    name: str = ""


def labelled(image: Image, *, actor: User) -> File:
    """The full labelled image, to be saved. Records the download. Raises as `shown`."""
    rendition = image.renditions.get(recipe=FULL.name)
    name = _name(image, rendition.format)
    file = _file(rendition, subject=image, story=image.run.uuid, name=name)
    facts = {"sha256": rendition.sha256, "recipe": rendition.recipe}
    _record(Event.IMAGE_DOWNLOADED, image, actor=actor, facts=facts)
    return file


def converted(conversion: Conversion, *, actor: User) -> File:
    """A labelled file in another size or format, to be saved. Records the download.

    Raises as `shown`; then the file is withdrawn, and another one is made for whoever asks again.
    """
    image = conversion.image
    with _damage_told(image, image.run.uuid):
        try:
            kind = mime_type(conversion.format)
            name = _name(image, conversion.format, suffix=_suffix(conversion))
            source = storage.hand_out(
                storage.renditions(),
                conversion.name,
                sha256=conversion.sha256,
                mime_type=kind,
                filename=name,
            )
        except (FileNotFoundError, storage.FileDamaged):
            conversions.withdraw(Conversion.objects.filter(pk=conversion.pk))
            raise
    facts = {"sha256": conversion.sha256, "recipe": conversion.recipe}
    _record(Event.IMAGE_DOWNLOADED, image, actor=actor, facts=facts)
    return File(source, kind, name)


def _suffix(conversion: Conversion) -> str:
    """What the name of a smaller file says of its size."""
    longest = max(conversion.width, conversion.height)
    is_smaller = longest < max(conversion.image.width, conversion.image.height)
    return f"-{longest}" if is_smaller else ""


def original(image: Image, *, actor: User, reason: str) -> File:
    """The file as the provider sent it, without a label. Records the download. Raises as `shown`.

    It is never a link: it answers a form, and the content security policy of the page does not let
    a form's answer redirect to the bucket. It is erased with the texts of its run.
    """
    with _damage_told(image, image.run.uuid):
        content = storage.content(
            storage.originals(), image.original_name, sha256=image.original_sha256
        )
    facts = {"sha256": image.original_sha256}
    _record(Event.ORIGINAL_DOWNLOADED, image, actor=actor, facts=facts, reason=reason)
    return File(content, mime_type(image.format), _name(image, image.format, suffix="-original"))


def shown(rendition: Rendition) -> File:
    """A labelled file, to be looked at.

    Raises FileNotFoundError if storage has lost it, storage.FileDamaged or storage.StorageAway.
    """
    image = rendition.image
    return _file(rendition, subject=image, story=image.run.uuid)


def shown_reference(reference: Reference) -> File:
    """A clean upload, to be looked at. Raises as `shown`."""
    return _file(reference, subject=reference, story=None)


def exported(
    export: Export, *, actor: User, start: int, caller: dict[str, str]
) -> File | Iterator[bytes]:
    """The file of an export: a link, or the content from the byte `start` on. Raises as `shown`.

    Records the download. A browser that resumes one within a day makes no further record.
    """
    kind, name = format_of(export).mime_type, file_name(export)
    stored = stored_name(export)
    with _damage_told(export, None):
        link = storage.link(stored, sha256=export.sha256, mime_type=kind, filename=name)
        found = File(link, kind, name) if link else None
        source = found or storage.chunks(stored, start, sha256=export.sha256)
    if not (start and _downloaded_lately(export, actor)):
        _record_export(export, actor, start, caller)
    return source


def _downloaded_lately(export: Export, actor: User) -> bool:
    records = Record.objects.filter(subject_id=export.uuid, event=Event.EXPORT_DOWNLOADED)
    return records.filter(actor=actor, at__gt=timezone.now() - RESUMED_WITHIN).exists()


@transaction.atomic
def _record_export(export: Export, actor: User, start: int, caller: dict[str, str]) -> None:
    facts = {"sha256": export.sha256, "from_byte": start}
    audit.record(Event.EXPORT_DOWNLOADED, actor=actor, subject=export, facts=facts, personal=caller)
    if export.kind == IMAGES.name:
        usage.downloaded(export.options["images"])


def _file(
    row: Rendition | Reference, *, subject: Image | Reference, story: UUID | None, name: str = ""
) -> File:
    backend = storage.renditions() if isinstance(row, Rendition) else storage.originals()
    kind = mime_type(row.format)
    try:
        with _damage_told(subject, story):
            source = storage.hand_out(
                backend, row.name, sha256=row.sha256, mime_type=kind, filename=name
            )
    except (FileNotFoundError, storage.FileDamaged) as error:
        if isinstance(row, Rendition):
            _remake(row, is_lost=isinstance(error, FileNotFoundError))
        raise
    return File(source, kind, name)


def _remake(row: Rendition, *, is_lost: bool) -> None:
    """Have the files of an image made again, unless this one was just replaced."""
    if Rendition.objects.filter(pk=row.pk).exists():
        why = relabelling.Why.LOST if is_lost else relabelling.Why.DAMAGED
        relabelling.remake(row.image, why=why)


@contextmanager
def _damage_told(subject: Image | Reference | Export, story: UUID | None) -> Iterator[None]:
    """If a file is damaged, tell admins and record it, once until the notice has ended."""
    try:
        yield
    except storage.FileDamaged as error:
        with transaction.atomic():
            if notices.raise_notice(FILE_DAMAGED, cause=error.name, facts={"name": error.name}):
                facts = {"name": error.name, "expected": error.expected, "found": error.found}
                audit.record(
                    Event.FILE_REFUSED, actor=None, subject=subject, story=story, facts=facts
                )
        raise


def image_named(name: str) -> str:
    """The start of the identifier of the image that a file of this name was downloaded from.

    Empty if the studio gives no file such a name.
    """
    found = _NAME.fullmatch(name.casefold())
    return found["image"] if found else ""


# As `download_name` makes them; browsers add a number such as " (1)" to a name that exists.
_NAME = re.compile(
    r"seedream-\d{4}-\d\d-\d\d-(?P<image>[0-9a-f]{8})(-original|-\d{1,5})?( ?\(\d+\))?(\.[a-z]+)?"
)


def _name(image: Image, image_format: str, *, suffix: str = "") -> str:
    return download_name(image.uuid, image.created_at, image_format, suffix)


@transaction.atomic
def _record(
    event: Event, image: Image, *, actor: User, facts: dict[str, str], reason: str = ""
) -> None:
    personal = {"reason": reason} if reason else None
    story = image.run.uuid
    audit.record(event, actor=actor, subject=image, story=story, facts=facts, personal=personal)
    if event == Event.IMAGE_DOWNLOADED:
        usage.downloaded([image.pk])
