"""Which values of one form fit another, with a sentence for each that does not."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from accounts.phrases import pair, sentences
from generations.forms.draft import Draft
from generations.forms.engine_fields import LABELS
from generations.forms.fields import FILE_LEFT_OUT, TextField, problem_of

SIDES = ("width", "height")
LEFT_OUT = gettext_lazy("This engine does not have this option, so it is left out.")


def what_fits(draft: Draft, fields: Mapping[str, forms.Field]) -> tuple[dict[str, Any], list[str]]:
    """The values of `draft` that `fields` accept, and a sentence for each of the others."""
    kept: dict[str, Any] = {}
    notes = []
    for name in LABELS:
        if not draft.given.has(name) or _is_no_loss(draft, name, fields):
            continue
        try:
            kept[name] = _fitting(draft, name, fields.get(name))
        except ValidationError as error:
            notes.append(pair(LABELS[name], sentences(*error.messages)))
            if name == "references":
                kept[name] = _usable_references(draft)
    for name in SIDES:
        if name in fields:
            kept.setdefault(name, fields[name].initial)
    return kept, notes


def _is_no_loss(draft: Draft, name: str, fields: Mapping[str, forms.Field]) -> bool:
    """Whether nothing is lost: rights without uploads, or a size that another size replaces."""
    return name not in fields and (name in ("rights", "licence") or draft.is_other_size(name))


def _usable_references(draft: Draft) -> list[str]:
    usable = [str(image.uuid) for image in draft.images if not problem_of(image)]
    return usable[: draft.able.max_references]


def _fitting(draft: Draft, name: str, field: forms.Field | None) -> Any:
    """The value given for `field`. Raises ValidationError if it does not fit."""
    if field is None:
        raise ValidationError(draft.why_absent(name) or LEFT_OUT)
    if isinstance(field, TextField):
        return draft.given.one(name)  # not checked: the person may still be writing it
    if name == "references":
        given = draft.given.all(name)
        field.clean([each for each in given if each != FILE_LEFT_OUT])
        return given
    return field.clean(draft.given.one(name))
