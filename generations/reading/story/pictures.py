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
from generations.label_chips import WORDS, chip, chips_of_previews
from generations.labelling import PREVIEW
from generations.models import Image, Reference, Rendition
from generations.paths import reference_path, rendition_path
from generations.reading.story.finding import Found, Told, records_of_references
from generations.reading.story.lines import named
from generations.reading.story.wording import Moment, Text, moment, text_of
from generations.tampering import Names, Said, facts_of, listed

# The address of a picture and its chip; of one that can't be shown, both are empty.
_Shown = tuple[str, str]
_NOTHING: _Shown = ("", "")


@dataclass(frozen=True)
class StoredImage:
    """One image by the record of its storing. `src` is empty if it can't be shown; `chip` repeats
    the badge of what is shown.

    `files` are labels and hashes of all its files, the original first; `former` are those of
    labelled files that were replaced, the newest first.
    """

    uuid: UUID
    number: int
    position: str
    when: Moment
    size: str
    src: str
    chip: str
    href: str
    files: list[tuple[str, str]]
    former: list[tuple[str, str]]
    label_version: str


@dataclass(frozen=True)
class GivenReference:
    """A reference as the run was given it. `src` is empty if it can't be shown.

    An image of the studio has `href`, the address of its own story, and `chip`, which repeats its
    badge.
    `hashes` are labels and values; `numbers` are those of the records about it.
    """

    src: str
    chip: str
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


def _sources(uuids: Sequence[UUID], reader: User, recipe: str) -> Mapping[UUID, _Shown]:
    """The labelled files that `reader` may see, by image; of hidden ones too."""
    found = Image.objects.filter(uuid__in=uuids, erased_at__isnull=True)
    if not audit.reads_whole_log(reader):
        found = found.filter(team_id=reader.team_id)
    files = Rendition.objects.filter(image__in=found, recipe=recipe)
    rows = files.values_list("image__uuid", "uuid", "format", WORDS)
    return {
        image: (rendition_path(uuid, image_format), chip(words))
        for image, uuid, image_format, words in rows
    }


def _image(
    told: Told, again: Sequence[Told], sources: Mapping[UUID, _Shown], reader: User
) -> StoredImage:
    """An image; `again` are the records of its later labels, oldest first."""
    facts, uuid = told.facts, told.record.subject_id
    position = facts.get("position")
    newest = again[-1] if again else told
    src, words = sources.get(uuid, _NOTHING)
    files = {_("Original"): facts.get("original_sha256")} | _labelled(newest)
    return StoredImage(
        uuid=uuid,
        number=told.record.pk,
        position=str(position + 1) if isinstance(position, int) else "",
        when=moment(told.record.at, reader.tzinfo),
        size=f"{facts.get('width', '?')}×{facts.get('height', '?')}, {facts.get('format', '?')}",
        src=src,
        chip=words,
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


def _reference_sources(uuids: Iterable[UUID], reader: User) -> Mapping[UUID, _Shown]:
    rows = Reference.objects.filter(uuid__in=uuids)
    if not audit.reads_whole_log(reader):
        rows = rows.visible_to(reader)
    ready = [row for row in rows.select_related("image") if row.is_ready]
    chips = chips_of_previews(row.image.uuid for row in ready if row.image)
    return {
        row.uuid: (reference_path(row.uuid), chips[row.image.uuid] if row.image else "")
        for row in ready
    }


def _reference(
    given: Mapping[str, Any],
    own: Mapping[UUID, Sequence[Told]],
    sources: Mapping[UUID, _Shown],
    names: Mapping[UUID, Said],
    reader: User,
) -> GivenReference:
    uuid = uuid_of(str(given.get("reference", "")))
    records = own.get(uuid, ()) if uuid else ()
    upload = next((each for each in records if each.record.event == Event.REFERENCE_UPLOADED), None)
    later = (each for each in records if each.record.event == Event.REFERENCE_DECLARED)
    declared = next(later, upload)
    image = uuid_of(str(given.get("image") or ""))
    person = upload.record.actor if upload else None
    src, words = sources.get(uuid, _NOTHING) if uuid else _NOTHING
    return GivenReference(
        src=src,
        chip=words,
        href=reverse("log-image", args=[image]) if image else "",
        rights=_rights(str(given.get("rights", ""))),
        licence=text_of(declared, "licence") if declared else Text(),
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
