"""The form fields for an engine's capabilities. What an engine lacks has no field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from accounts.phrases import sentences
from generations import offering, submission
from generations.forms.fields import ReferencesField, TextField
from generations.models import Reference
from generations.models.reference import LONGEST_LICENCE
from generations.offering import OfferedEngine
from generations.providers import registry, unsupported
from generations.providers.advice import QUALITY_ADVICE
from generations.providers.capabilities import (
    AS_REFERENCE,
    CUSTOM,
    Capabilities,
    CustomSize,
    NumberRange,
)

LABELS = {
    "engine": gettext_lazy("Engine"),
    "prompt": gettext_lazy("Prompt"),
    "num_images": gettext_lazy("Images"),
    **unsupported.OPTION_LABELS,
    "references": gettext_lazy("References"),
    "rights": gettext_lazy("Rights to uploads"),
    "licence": gettext_lazy("Licence"),
    "campaign": gettext_lazy("Campaign"),
}
# The price or other fields may depend on these: a change makes the page load the composer again.
PRICED = {"class": "prices"}


@dataclass(frozen=True)
class Chosen:
    """The choices on which other fields depend; `references` is how many are chosen."""

    resolution: str
    aspect_ratio: str
    sequential: bool
    references: int
    rights: str = ""


def fields_of(able: Capabilities, chosen: Chosen, *, user: User) -> dict[str, forms.Field]:
    """The fields for an engine with the capabilities `able`, by name, in the order of the page."""
    fields = {
        **size_fields(able, chosen),
        "num_images": _count(able, chosen),
        "resolution": _resolution(able),
        "references": _references(able, user),
        "rights": _rights(able),
        "licence": _licence(able, chosen),
        "negative_prompt": _negative_prompt() if able.negative_prompt else None,
        "seed": _number("seed", able.seed),
        "guidance_scale": _number("guidance_scale", able.guidance_scale),
        "output_format": _output_format(able.output_formats),
        "sequential": _sequential() if able.sequential else None,
        "enhance_prompt": _switch("enhance_prompt") if able.enhance_prompt else None,
        "use_pre_llm": _switch("use_pre_llm") if able.use_pre_llm else None,
    }
    offered = {name: field for name, field in fields.items() if field}
    for name, field in offered.items():
        field.help_text = _advised(name, str(field.help_text), able)
    return offered


def size_fields(able: Capabilities, chosen: Chosen) -> dict[str, forms.Field]:
    """The fields that set an image's size, besides its resolution: the format, or both sides."""
    ratio = _ratio(able, chosen)
    return {**({"aspect_ratio": ratio} if ratio else {}), **_sizes(able, chosen)}


def _advised(name: str, help_text: str, able: Capabilities) -> str:
    """`help_text` with advice on the option, and a doubt if its effect is not documented."""
    unproven = _("The provider accepts this, but does not say whether the model uses it.")
    doubt = unproven if name in able.unproven else ""
    return sentences(help_text, QUALITY_ADVICE.get(name, ""), doubt)


class EngineField(forms.ChoiceField):
    """The choice of an engine, which says why one that is set up here can't be chosen."""

    def __init__(self, offered: Iterable[OfferedEngine], user: User) -> None:
        super().__init__(
            label=LABELS["engine"],
            choices=[(each.engine.name, each.full_label) for each in offered],
            widget=forms.RadioSelect(attrs=PRICED),
            error_messages=dict.fromkeys(("required", "invalid_choice"), unsupported.NO_ENGINE),
        )
        self._user = user

    def validate(self, value: Any) -> None:
        is_known = value in registry.engines() and not self.valid_value(value)
        if why := offering.why_not_offered(value, self._user) if is_known else "":
            raise ValidationError(why, code="not_offered")
        super().validate(value)


def counts(able: Capabilities, chosen: Chosen) -> range:
    """How many images may be asked for; this depends on `sequential` and on the references."""
    most = able.most_images(sequential=chosen.sequential, references=chosen.references)
    return range(1, max(most, 1) + 1)


def why_no_references(able: Capabilities) -> str:
    """Why an engine can't be given references here; empty if it can."""
    return unsupported.no_references(able, links_possible=links_possible())


def links_possible() -> bool:
    """Whether a provider can fetch a file from this studio."""
    return settings.SERVED_OVER_HTTPS


def _ratio(able: Capabilities, chosen: Chosen) -> forms.ChoiceField | None:
    sizes = able.sizes.get(chosen.resolution, {})
    about = "" if able.exact_sizes else "≈ "
    labels = {ratio: f"{ratio} · {about}{wide}×{high}" for ratio, (wide, high) in sizes.items()}
    if chosen.references and able.as_reference(chosen.resolution):
        labels[AS_REFERENCE] = _("As the first reference")
    return _choice("aspect_ratio", labels, priced=True)


def _resolution(able: Capabilities) -> forms.ChoiceField | None:
    labels = {tier: _("Custom size") if tier == CUSTOM else tier for tier in able.resolutions}
    return _choice("resolution", labels, priced=True)


def _sizes(able: Capabilities, chosen: Chosen) -> dict[str, forms.Field]:
    """Width and height in pixels, which replace the format; at first those of the last format."""
    limits = able.custom_size
    if limits is None or chosen.resolution != CUSTOM:
        return {}
    known = [(ratio, size) for tier in able.sizes.values() for ratio, size in tier.items()]
    fitting = [(ratio, size) for ratio, size in known if limits.allows(*size)]
    fitting.sort(key=lambda item: item[0] != chosen.aspect_ratio)
    width, height = fitting[0][1] if fitting else (None, None)
    # Both have the same limits, so only the first shows them.
    help_texts = {"width": unsupported.size(limits), "height": ""}
    return {
        name: _pixels(name, limits, initial=initial, help_text=help_texts[name])
        for name, initial in (("width", width), ("height", height))
    }


def _pixels(
    name: str, limits: CustomSize, *, initial: int | None, help_text: str
) -> forms.IntegerField:
    wrong = ("required", "invalid", "min_value", "max_value")
    return forms.IntegerField(
        label=LABELS[name],
        min_value=limits.min_side,
        max_value=limits.max_side,
        initial=initial,
        help_text=help_text,
        widget=forms.NumberInput(attrs=PRICED),
        error_messages=dict.fromkeys(wrong, unsupported.size(limits)),
    )


def _count(able: Capabilities, chosen: Chosen) -> forms.TypedChoiceField:
    offered = counts(able, chosen)
    refusal = unsupported.number_of_images(
        able, sequential=chosen.sequential, references=chosen.references
    )
    return forms.TypedChoiceField(
        label=LABELS["num_images"],
        coerce=int,
        choices=[(n, ngettext("%d image", "%d images", n) % n) for n in offered],
        widget=forms.Select(attrs=PRICED),
        error_messages=dict.fromkeys(("required", "invalid_choice"), refusal),
    )


def _choice(
    name: str, choices: Mapping[str, str], *, priced: bool = False
) -> forms.ChoiceField | None:
    if not choices:
        return None
    return forms.ChoiceField(
        label=LABELS[name],
        choices=list(choices.items()),
        initial=next(iter(choices)),
        widget=forms.Select(attrs=PRICED if priced else {}),
        error_messages=dict.fromkeys(("required", "invalid_choice"), unsupported.choice(choices)),
    )


def _number(name: str, limits: NumberRange | None) -> forms.Field | None:
    if limits is None:
        return None
    kind: Any = forms.IntegerField if float(limits.step).is_integer() else forms.FloatField
    texts = unsupported.limits_in_words(limits)
    range_text = _("%(least)s to %(most)s.")
    if limits.step != 1:
        range_text = _("%(least)s to %(most)s, in steps of %(step)s.")
    empty_text = _("Empty: the engine chooses.")
    if limits.default is not None:
        empty_text = _("Empty: %(default)s.")
    help_text = f"{range_text} {empty_text}"
    field: forms.Field = kind(
        label=LABELS[name],
        required=False,
        min_value=limits.minimum,
        max_value=limits.maximum,
        help_text=help_text % texts,
        widget=forms.NumberInput(attrs={"step": limits.step, "placeholder": texts["default"]}),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), unsupported.number(limits)
        ),
    )
    return field


def _output_format(formats: tuple[str, ...]) -> forms.ChoiceField | None:
    named = {each: each.upper() for each in formats}
    field = _choice("output_format", named)
    if field:
        field.required, field.initial = False, ""
        field.choices = [("", _("As the engine chooses")), *named.items()]
    return field


def _negative_prompt() -> TextField:
    return TextField(
        label=LABELS["negative_prompt"],
        required=False,
        help_text=_("What must not be in the image."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def _switch(name: str) -> forms.BooleanField:
    return forms.BooleanField(label=LABELS[name], required=False)


def _sequential() -> forms.BooleanField:
    """The switch for a set; the largest number of images depends on it."""
    field = _switch("sequential")
    field.help_text = _("The engine decides how many images the set has, at most your number.")
    field.widget.attrs |= PRICED
    return field


def _references(able: Capabilities, user: User) -> ReferencesField | None:
    if why_no_references(able):
        return None
    most = able.max_references
    limit = ngettext(
        "JPEG, PNG or WebP, %(most)d at most.", "JPEG, PNG or WebP, %(most)d at most.", most
    )
    needs = _("This engine edits images: add one.") if able.min_references else ""
    help_text = f"{needs} {limit % {'most': most}}".strip()
    return ReferencesField(user=user, most=most, help_text=help_text)


def _rights(able: Capabilities) -> forms.ChoiceField | None:
    if why_no_references(able):
        return None
    choices = [(each.value, each.label) for each in submission.RIGHTS]
    return forms.ChoiceField(
        label=LABELS["rights"],
        required=False,  # but not for uploads: `submission.check_rights`
        choices=[("", _("Choose…")), *choices],
        widget=forms.Select(attrs=PRICED),
        help_text=_("The log keeps your answer with your name."),
    )


def _licence(able: Capabilities, chosen: Chosen) -> TextField | None:
    if why_no_references(able) or chosen.rights != Reference.Rights.LICENSED:
        return None
    return TextField(
        label=LABELS["licence"],
        required=False,
        max_length=LONGEST_LICENCE,
        help_text=_("Which one, for example the agency and the number of the order."),
    )
