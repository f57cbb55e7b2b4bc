"""The images and references of a story, with their hashes, as records name them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.events import Event
from accounts.identifiers import uuid_of
from accounts.models import User
from generations.labelling import PREVIEW
from generations.models import Image, Reference, Rendition
from generations.paths import reference_path, rendition_path
from generations.reading.story.finding import Found, Told, records_of_references
from generations.reading.story.lines import named
from generations.reading.story.wording import Moment, Text, moment, text_of
from generations.tampering import Names, Said, facts_of, listed


@dataclass(frozen=True)
class StoredImage:
    """One image by the record of its storing. `src` is empty if it can't be shown.

    `files` are labels and hashes of all its files, the original first; `former` are those of
    labelled files that were replaced, the newest first.
    """

    uuid: UUID
    number: int
    position: str
    when: Moment
    size: str
    src: str
    href: str
    files: list[tuple[str, str]]
    former: list[tuple[str, str]]
    label_version: str


@dataclass(frozen=True)
class GivenReference:
    """A reference as the run was given it. `src` is empty if it can't be shown.

    `ours` is true for an image of the studio, which then has `href`, the address of its own story.
    `hashes` are labels and values; `numbers` are those of the records about it.
    """

    src: str
    ours: bool
    href: str
    rights: str
    licence: Text
    file_name: Text
    when: Moment | None
    person: str
    hashes: list[tuple[str, str]]
    numbers: list[int]


def images(
    records: Sequence[Told], reader: User, *, recipe: str = PREVIEW.name
) -> list[StoredImage]:
    """The images that records say were stored, in the order of their positions."""
    stored = [told for told in records if told.record.event == Event.IMAGE_STORED]
    sources = _sources([told.record.subject_id for told in stored], reader, recipe)
    again: dict[UUID, list[Told]] = {}
    for told in records:
        if told.record.event == Event.IMAGE_RELABELLED:
            again.setdefault(told.record.subject_id, []).append(told)
    shown = [
        _image(told, again.get(told.record.subject_id, []), sources, reader) for told in stored
    ]
    return sorted(shown, key=lambda image: (len(image.position), image.position, image.number))


def _sources(uuids: Sequence[UUID], reader: User, recipe: str) -> dict[UUID, str]:
    """The addresses of the labelled files that `reader` may see, by image."""
    found = Image.objects.filter(uuid__in=uuids, hidden_at__isnull=True)
    if not audit.reads_whole_log(reader):
        found = found.visible_to(reader)
    files = Rendition.objects.filter(image__in=found, recipe=recipe)
    rows = files.values_list("image__uuid", "uuid", "format")
    return {image: rendition_path(uuid, image_format) for image, uuid, image_format in rows}


def _image(
    told: Told, again: Sequence[Told], sources: Mapping[UUID, str], reader: User
) -> StoredImage:
    """An image; `again` are the records of its later labels, oldest first."""
    facts, uuid = told.facts, told.record.subject_id
    position = facts.get("position")
    newest = again[-1] if again else told
    files = {_("Original"): facts.get("original_sha256")} | _labelled(newest)
    return StoredImage(
        uuid=uuid,
        number=told.record.pk,
        position=str(position + 1) if isinstance(position, int) else "",
        when=moment(told.record.at, reader.tzinfo),
        size=f"{facts.get('width', '?')}×{facts.get('height', '?')}, {facts.get('format', '?')}",
        src=sources.get(uuid, ""),
        href=reverse("log-image", args=[uuid]),
        files=[(str(label), str(digest)) for label, digest in files.items() if digest],
        former=_former([told, *again], reader),
        label_version=str(newest.facts.get("label_version", "")),
    )


def _labelled(told: Told) -> dict[str, Any]:
    """The hashes of the labelled files that a record names, by what they are."""
    files = told.facts.get("renditions")
    named = files.items() if isinstance(files, dict) else ()
    return {str(_RECIPES.get(name, name)): digest for name, digest in named}


def _former(told: Sequence[Told], reader: User) -> list[tuple[str, str]]:
    """What was replaced by the next one of these records, and since when."""
    found = []
    for before, after in pairwise(told):
        since = moment(after.record.at, reader.tzinfo).text
        kept = set(_labelled(after).values())
        replaced = [pair for pair in _labelled(before).items() if pair[1] not in kept]
        text = _("%(file)s, until %(time)s")
        found += [(text % {"file": label, "time": since}, str(each)) for label, each in replaced]
    return found[::-1]


_RECIPES = {
    "full": gettext_lazy("Labelled file, to download"),
    "screen": gettext_lazy("Labelled file, for the screen"),
    "preview": gettext_lazy("Labelled preview"),
}


# --- References ----------------------------------------------------------------------------------


def references(found: Found, reader: User) -> list[GivenReference]:
    """The references that a run was given, in order, with what their own records say."""
    every = listed(facts_of(found.submitted), "references") if found.submitted else []
    given = [each for each in every if isinstance(each, dict)]
    uuids = {uuid for each in given if (uuid := uuid_of(str(each.get("reference", ""))))}
    records = records_of_references(uuids)
    own: dict[UUID, list[Told]] = {}
    for told in records:
        own.setdefault(told.record.subject_id, []).append(told)
    names = Names().now({told.record.actor.uuid for told in records if told.record.actor})
    sources = _reference_sources(uuids, reader)
    return [_reference(each, own, sources, names, reader) for each in given]


def _reference_sources(uuids: Iterable[UUID], reader: User) -> dict[UUID, str]:
    rows = Reference.objects.filter(uuid__in=uuids)
    if not audit.reads_whole_log(reader):
        rows = rows.visible_to(reader)
    return {row.uuid: reference_path(row.uuid) for row in rows if row.is_ready}


def _reference(
    given: Mapping[str, Any],
    own: Mapping[UUID, Sequence[Told]],
    sources: Mapping[UUID, str],
    names: Mapping[UUID, Said],
    reader: User,
) -> GivenReference:
    uuid = uuid_of(str(given.get("reference", "")))
    records = own.get(uuid, ()) if uuid else ()
    upload = next((each for each in records if each.record.event == Event.REFERENCE_UPLOADED), None)
    image = uuid_of(str(given.get("image") or ""))
    person = upload.record.actor if upload else None
    return GivenReference(
        src=sources.get(uuid, "") if uuid else "",
        ours=image is not None,
        href=reverse("log-image", args=[image]) if image else "",
        rights=_rights(str(given.get("rights", ""))),
        licence=text_of(upload, "licence") if upload else Text(),
        file_name=text_of(upload, "file_name") if upload else Text(),
        when=moment(upload.record.at, reader.tzinfo) if upload else None,
        person=named(person, names) if person else "",
        hashes=_hashes(given, records, is_upload=image is None),
        numbers=[each.record.pk for each in records],
    )


def _rights(declared: str) -> str:
    known = dict(Reference.Rights.choices)
    return str(known.get(declared, declared))


def _hashes(
    given: Mapping[str, Any], records: Sequence[Told], *, is_upload: bool
) -> list[tuple[str, str]]:
    clean = ""
    for told in records:
        if told.record.event == Event.REFERENCE_CLEANED:
            clean = str(told.facts.get("sha256", ""))
        clean = str(told.facts.get("clean_sha256", clean))
    first = _("Upload") if is_upload else _("Original of the image")
    known = [(first, str(given.get("sha256", ""))), (_("Our clean copy"), clean)]
    return [(label, digest) for label, digest in known if digest]
