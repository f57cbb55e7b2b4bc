"""Handing out files: the labelled one to anyone who may see it, the original for a reason.

The record is written before the first byte goes out, and only once the file is known to be there.
"""

import datetime as dt
from dataclasses import dataclass
from typing import BinaryIO, cast

from django.core.files.storage import Storage
from django.db import transaction

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations import storage
from generations.imaging import extension, mime_type
from generations.labelling import FULL
from generations.models import Image


@dataclass(frozen=True)
class File:
    """An open file with the name and the type to send it under."""

    content: BinaryIO
    name: str
    mime_type: str


def labelled(image: Image, *, actor: User) -> File:
    """The full labelled picture. Raises FileNotFoundError where storage has lost it."""
    rendition = image.renditions.get(recipe=FULL.name)
    content = _open(storage.renditions(), rendition.name)
    facts = {"sha256": rendition.sha256, "recipe": rendition.recipe}
    _record(Event.IMAGE_DOWNLOADED, image, actor=actor, facts=facts)
    return File(content, _name(image, rendition.format), mime_type(rendition.format))


def original(image: Image, *, actor: User, reason: str) -> File:
    """The provider's own bytes, without a label. Raises FileNotFoundError as above."""
    content = _open(storage.originals(), image.original_name)
    facts = {"sha256": image.original_sha256}
    _record(Event.ORIGINAL_DOWNLOADED, image, actor=actor, facts=facts, reason=reason)
    name = _name(image, image.format, suffix="-original")
    return File(content, name, mime_type(image.format))


def _name(image: Image, image_format: str, *, suffix: str = "") -> str:
    day = image.created_at.astimezone(dt.UTC).date()
    return f"seedream-{day}-{str(image.uuid)[:8]}{suffix}.{extension(image_format)}"


def _open(place: Storage, name: str) -> BinaryIO:
    return cast(BinaryIO, place.open(name, "rb"))


@transaction.atomic
def _record(
    event: Event, image: Image, *, actor: User, facts: dict[str, str], reason: str = ""
) -> None:
    personal = {"reason": reason} if reason else None
    story = image.run.uuid
    audit.record(event, actor=actor, subject=image, story=story, facts=facts, personal=personal)
