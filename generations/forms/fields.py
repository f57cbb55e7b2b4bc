"""Form fields of the studio's own: text that can be stored, and references."""

from collections.abc import Iterable, Sequence
from typing import Any, cast
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from generations.identifiers import uuid_of
from generations.imaging import CleanImage, UnusableImage, clean_reference
from generations.models import Image, Reference

MAX_UPLOAD_BYTES = 20_000_000
# What a browser writes in place of a file where a form is sent without its files.
FILE_LEFT_OUT = "[object File]"

Given = CleanImage | Reference | Image


class TextField(forms.CharField):
    """Text that databases and the log can hold; line breaks come as one character each."""

    def to_python(self, value: Any) -> str:
        text: str = super().to_python((value or "").replace("\r\n", "\n")) or ""
        return text

    def run_validators(self, value: str) -> None:
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
            raise ValidationError(
                _("The text has a character that can't be stored. Type it again without it."),
                code="unfit",
            )
        super().run_validators(value)


class ReferencesInput(forms.ClearableFileInput):
    """Identifiers of pictures that are here already, in their order, and then uploads."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str | UploadedFile]:
        return [*_all(data, name), *_all(files, name)]


class ReferencesField(forms.Field):
    """Pictures for the model: uploads, cleaned, and references and images of the person's team.

    `most` is how many the engine takes.
    """

    def __init__(self, *, user: User, most: int, help_text: str = "") -> None:
        accepted = {"class": "prices", "accept": "image/jpeg,image/png,image/webp"}
        super().__init__(
            label=_("References"),
            required=False,
            help_text=help_text,
            widget=ReferencesInput(attrs=accepted),
        )
        self.user, self.most = user, most

    def clean(self, value: Sequence[str | UploadedFile] | None) -> list[Given]:
        given = [item for item in value or () if item]
        self._refuse_too_many(len(given))
        found = _pictures_of_team([item for item in given if isinstance(item, str)], self.user)
        return [found[item] if isinstance(item, str) else cleaned(item) for item in given]

    def _refuse_too_many(self, count: int) -> None:
        if count > self.most:
            message = ngettext(
                "This engine takes %(most)d reference and you gave %(count)d. Remove the others.",
                "This engine takes %(most)d references and you gave %(count)d. Remove some.",
                self.most,
            )
            raise ValidationError(message % {"most": self.most, "count": count}, code="too_many")


def cleaned(upload: UploadedFile) -> CleanImage:
    """An upload as a picture without metadata. Raises ValidationError with what is wrong."""
    size = upload.size or 0
    if size > MAX_UPLOAD_BYTES:
        message = _("“%(name)s” has %(size)s. Choose a file of at most %(most)s.")
        sizes = {"size": filesizeformat(size), "most": filesizeformat(MAX_UPLOAD_BYTES)}
        raise ValidationError(message, params={"name": upload.name} | sizes, code="too_large")
    try:
        return clean_reference(upload.read())
    except UnusableImage as error:
        message = _("“%(name)s” can't be used. %(why)s")
        raise ValidationError(
            message, params={"name": upload.name, "why": error.message}
        ) from error


def pictures_of_team(identifiers: Iterable[str], user: User) -> dict[str, Reference | Image]:
    """By identifier, the references and images among `identifiers` that `user` may see."""
    wanted = {text: known for text in identifiers if (known := uuid_of(text))}
    references = Reference.objects.visible_to(user).filter(uuid__in=wanted.values())
    images = Image.objects.visible_to(user).filter(uuid__in=wanted.values())
    found: dict[UUID, Reference | Image] = {row.uuid: row for row in references}
    found |= {row.uuid: row for row in images}
    return {text: found[known] for text, known in wanted.items() if known in found}


def _pictures_of_team(identifiers: list[str], user: User) -> dict[str, Reference | Image]:
    found = pictures_of_team(identifiers, user) if identifiers else {}
    if not set(identifiers) <= set(found):
        message = _("One of the references is not there any more. Remove it and choose another.")
        raise ValidationError(message, code="missing")
    return found


def _all(values: Any, name: str) -> list[Any]:
    if hasattr(values, "getlist"):
        return cast(list[Any], values.getlist(name))
    value = (values or {}).get(name) or []
    return list(value) if isinstance(value, list | tuple) else [value]
