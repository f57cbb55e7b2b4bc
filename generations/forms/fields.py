"""The studio's own form fields: text that can be stored, and references."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from accounts.identifiers import uuid_of
from accounts.models import User
from accounts.stored_texts import read
from generations import submission
from generations.imaging import UnusableImage
from generations.models import Image, Reference
from generations.providers import unsupported
from generations.submission import NewReference

# What a browser sends in place of a file when it sends a form without its files.
FILE_LEFT_OUT = "[object File]"

Given = UploadedFile | Reference | Image


class TextField(forms.CharField):
    """Text that databases and the log can hold; each line break becomes one character."""

    def to_python(self, value: Any) -> str:
        text: str = super().to_python((value or "").replace("\r\n", "\n")) or ""
        return text

    def run_validators(self, value: str) -> None:
        if unsupported.has_unfit_character(value):
            raise ValidationError(unsupported.UNFIT_CHARACTER, code="unfit")
        super().run_validators(value)


class LongSelect(forms.Select):
    """A select without groups. It needs no template, which costs most with a hundred options.

    Options that differ only by language are drawn once with `is_kept`.
    """

    def __init__(self, *args: Any, is_kept: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_kept = is_kept

    def render(
        self, name: str, value: Any, attrs: Mapping[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        chosen = "" if value is None else str(value)
        draw = _kept_options if self.is_kept else _options
        options = draw(tuple((f"{each}", f"{label}") for each, label in self.choices), chosen)
        attributes = self.build_attrs(self.attrs, {"name": name, **(attrs or {})})
        return format_html("<select{}>{}</select>", flatatt(attributes), options)


_SELECTED = mark_safe(" selected")


def _options(choices: tuple[tuple[str, str], ...], chosen: str) -> SafeString:
    return format_html_join(
        "\n",
        '<option value="{}"{}>{}</option>',
        ((each, _SELECTED if each == chosen else "", label) for each, label in choices),
    )


_kept_options = lru_cache(maxsize=100)(_options)


class ReferencesInput(forms.ClearableFileInput):
    """Identifiers of images that the studio has, in their order, and then uploads."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str | UploadedFile]:
        return [*_all(data, name), *_all(files, name)]


class ReferencesField(forms.Field):
    """References for the engine: uploads, not yet read, and images and references of the team.

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
        found = _images_of_team([item for item in given if isinstance(item, str)], self.user)
        return [found[item] if isinstance(item, str) else item for item in given]

    def _refuse_too_many(self, count: int) -> None:
        if count > self.most:
            message = unsupported.too_many_references(self.most, count)
            raise ValidationError(message, code="too_many")


def checked_upload(upload: UploadedFile, *, rights: str, licence: str) -> NewReference:
    """Check an upload and return it as a new reference. Raises ValidationError with the reason."""
    try:
        return submission.check_upload(upload, rights=rights, licence=licence)
    except UnusableImage as error:
        message = _("“%(name)s” can't be used. %(why)s")
        raise ValidationError(
            message, params={"name": upload.name, "why": error.message}
        ) from error


def images_of_team(identifiers: Iterable[str], user: User) -> dict[str, Reference | Image]:
    """The references and images among `identifiers` that `user` may see, by identifier."""
    wanted = {text: known for text in identifiers if (known := uuid_of(text))}
    references = Reference.objects.visible_to(user).filter(uuid__in=wanted.values())
    references = references.select_related("image")
    images = Image.objects.visible_to(user).filter(uuid__in=wanted.values()).select_related("run")
    found: dict[UUID, Reference | Image] = {row.uuid: row for row in references}
    found |= {row.uuid: row for row in images}
    return {text: found[known] for text, known in wanted.items() if known in found}


def problem_of(image: Reference | Image) -> str:
    """Why an image of the team can't be a reference; empty if it can."""
    if isinstance(image, Reference):
        return read(image.problem)
    return str(_("The file that the provider sent was erased.")) if image.run.erased_at else ""


def _images_of_team(identifiers: list[str], user: User) -> dict[str, Reference | Image]:
    found = images_of_team(identifiers, user) if identifiers else {}
    if not set(identifiers) <= set(found):
        message = _("One of the references no longer exists. Remove it and choose another.")
        raise ValidationError(message, code="missing")
    for image in found.values():
        if why := problem_of(image):
            message = _("One of the references can't be used. Remove it. %(why)s")
            raise ValidationError(message, code="refused", params={"why": why})
    return found


def _all(values: Any, name: str) -> list[Any]:
    if hasattr(values, "getlist"):
        return cast(list[Any], values.getlist(name))
    value = (values or {}).get(name) or []
    return list(value) if isinstance(value, list | tuple) else [value]
