"""The form fields that an engine's capabilities call for: what it lacks has no field."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from generations.forms.fields import ReferencesField, TextField
from generations.models import Reference
from generations.providers import registry
from generations.providers.types import Capabilities, Engine, NumberRange, ReferenceDelivery

LABELS = {
    "engine": gettext_lazy("Engine"),
    "prompt": gettext_lazy("Prompt"),
    "num_images": gettext_lazy("Images"),
    "resolution": gettext_lazy("Resolution"),
    "aspect_ratio": gettext_lazy("Format"),
    "negative_prompt": gettext_lazy("Avoid"),
    "seed": gettext_lazy("Seed"),
    "guidance_scale": gettext_lazy("Guidance"),
    "sequential": gettext_lazy("A set that belongs together"),
    "output_format": gettext_lazy("File type"),
    "enhance_prompt": gettext_lazy("Let the engine improve the wording"),
    "references": gettext_lazy("References"),
    "rights": gettext_lazy("Rights to uploads"),
    "campaign": gettext_lazy("Campaign"),
}
# The price may hang on these: after a change the page asks for the composer anew.
PRICED = {"class": "prices"}


def fields_of(able: Capabilities, *, resolution: str, user: User) -> dict[str, forms.Field]:
    """The fields for an engine that can do `able`, by name, in the order of the page."""
    fields = {
        "aspect_ratio": _ratio(able, resolution),
        "num_images": _count(able.max_images),
        "resolution": _choice("resolution", able.resolutions, priced=True),
        "references": _references(able, user),
        "rights": _rights(able),
        "negative_prompt": _avoid() if able.negative_prompt else None,
        "seed": _number("seed", able.seed),
        "guidance_scale": _number("guidance_scale", able.guidance_scale),
        "output_format": _output_format(able.output_formats),
        "sequential": _switch("sequential") if able.sequential else None,
        "enhance_prompt": _switch("enhance_prompt") if able.enhance_prompt else None,
    }
    return {name: field for name, field in fields.items() if field}


def engine_field(engines: Iterable[Engine]) -> forms.ChoiceField:
    """The choice of an engine."""
    refusal = gettext_lazy("This engine does not exist here. Choose another.")
    return forms.ChoiceField(
        label=LABELS["engine"],
        choices=_named(list(engines)),
        widget=forms.Select(attrs=PRICED),
        error_messages=dict.fromkeys(("required", "invalid_choice"), refusal),
    )


def _named(engines: Sequence[Engine]) -> list[tuple[str, str]]:
    """Engines by name with what to call them: with the provider where two have the same label."""
    labels = Counter(engine.label for engine in engines)
    return [
        (engine.name, engine.label if labels[engine.label] == 1 else _in_full(engine))
        for engine in engines
    ]


def _in_full(engine: Engine) -> str:
    return f"{engine.label}, {registry.adapter_class(engine.provider).label}"


def no_references(able: Capabilities) -> str:
    """Why an engine can be given no references; empty where it can."""
    if not able.max_references:
        return _("This engine takes no references.")
    if able.reference_delivery == ReferenceDelivery.LINK and not links_possible():
        return _(
            "This engine fetches references by link, and this studio has no public address yet. "
            "An admin can set PUBLIC_URL."
        )
    return ""


def links_possible() -> bool:
    """Whether a provider can fetch a file from this studio."""
    return settings.SERVED_OVER_HTTPS


def _ratio(able: Capabilities, resolution: str) -> forms.ChoiceField | None:
    sizes = able.sizes.get(resolution, {})
    labels = {ratio: f"{ratio} · {width}×{height}" for ratio, (width, height) in sizes.items()}
    return _choice("aspect_ratio", labels)


def _count(most: int) -> forms.TypedChoiceField:
    refusal = _("This engine makes 1 to %(most)d images at a time. Choose a number in between.")
    return forms.TypedChoiceField(
        label=LABELS["num_images"],
        coerce=int,
        choices=[(n, ngettext("%d image", "%d images", n) % n) for n in range(1, most + 1)],
        widget=forms.Select(attrs=PRICED),
        error_messages=dict.fromkeys(("required", "invalid_choice"), refusal % {"most": most}),
    )


def _choice(
    name: str, choices: Mapping[str, str] | tuple[str, ...], *, priced: bool = False
) -> forms.ChoiceField | None:
    labelled = list(choices.items() if isinstance(choices, Mapping) else zip(choices, choices))  # noqa: B905
    if not labelled:
        return None
    refusal = _("This engine offers %(choices)s. Choose one of them.")
    offered = ", ".join(value for value, _label in labelled)
    return forms.ChoiceField(
        label=LABELS[name],
        choices=labelled,
        initial=labelled[0][0],
        widget=forms.Select(attrs=PRICED if priced else {}),
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), refusal % {"choices": offered}
        ),
    )


def _number(name: str, limits: NumberRange | None) -> forms.Field | None:
    if limits is None:
        return None
    kind: Any = forms.IntegerField if float(limits.step).is_integer() else forms.FloatField
    bounds = {"least": _in_words(limits.minimum), "most": _in_words(limits.maximum)}
    refusal = _("Choose a number from %(least)s to %(most)s, or leave it empty.") % bounds
    field: forms.Field = kind(
        label=LABELS[name],
        required=False,
        min_value=limits.minimum,
        max_value=limits.maximum,
        initial=limits.default,
        help_text=_("%(least)s to %(most)s. Empty: the engine chooses.") % bounds,
        widget=forms.NumberInput(attrs={"step": limits.step}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), refusal),
    )
    return field


def _in_words(number: float) -> str:
    return f"{int(number):,}" if float(number).is_integer() else f"{number:g}"


def _output_format(formats: tuple[str, ...]) -> forms.ChoiceField | None:
    field = _choice("output_format", formats)
    if field:
        field.required, field.initial = False, ""
        named = [(each, each.upper()) for each in formats]
        field.choices = [("", _("As the engine chooses")), *named]
    return field


def _avoid() -> TextField:
    return TextField(
        label=LABELS["negative_prompt"],
        required=False,
        help_text=_("What must not be in the picture."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def _switch(name: str) -> forms.BooleanField:
    return forms.BooleanField(label=LABELS[name], required=False)


def _references(able: Capabilities, user: User) -> ReferencesField | None:
    if no_references(able):
        return None
    most = able.max_references
    limit = ngettext(
        "JPEG, PNG or WebP, %(most)d at most.", "JPEG, PNG or WebP, %(most)d at most.", most
    )
    return ReferencesField(user=user, most=most, help_text=limit % {"most": most})


def _rights(able: Capabilities) -> forms.ChoiceField | None:
    if no_references(able):
        return None
    rights = Reference.Rights
    return forms.ChoiceField(
        label=LABELS["rights"],
        choices=[(each.value, each.label) for each in (rights.OWN, rights.LICENSED)],
        initial=rights.OWN,
    )
