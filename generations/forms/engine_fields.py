"""The form fields that an engine's capabilities call for: what it lacks has no field."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from generations.forms.fields import ReferencesField, TextField
from generations.models import Reference
from generations.providers import registry
from generations.providers.advice import QUALITY_ADVICE
from generations.providers.types import (
    CUSTOM,
    Capabilities,
    CustomSize,
    Engine,
    NumberRange,
    ReferenceDelivery,
)
from generations.providers.validation import size_in_words

LABELS = {
    "engine": gettext_lazy("Engine"),
    "prompt": gettext_lazy("Prompt"),
    "num_images": gettext_lazy("Images"),
    "resolution": gettext_lazy("Resolution"),
    "aspect_ratio": gettext_lazy("Format"),
    "width": gettext_lazy("Width"),
    "height": gettext_lazy("Height"),
    "negative_prompt": gettext_lazy("Avoid"),
    "seed": gettext_lazy("Seed"),
    "guidance_scale": gettext_lazy("Guidance"),
    "sequential": gettext_lazy("A set that belongs together"),
    "output_format": gettext_lazy("File type"),
    "enhance_prompt": gettext_lazy("Let the engine improve the wording"),
    "use_pre_llm": gettext_lazy("Let a language model rewrite the prompt first"),
    "references": gettext_lazy("References"),
    "rights": gettext_lazy("Rights to uploads"),
    "campaign": gettext_lazy("Campaign"),
}
# The price may hang on these: after a change the page asks for the composer anew.
PRICED = {"class": "prices"}


@dataclass(frozen=True)
class Chosen:
    """What of a form decides which other choices there are; `references` is how many."""

    resolution: str
    aspect_ratio: str
    sequential: bool
    references: int


def fields_of(able: Capabilities, chosen: Chosen, *, user: User) -> dict[str, forms.Field]:
    """The fields for an engine that can do `able`, by name, in the order of the page."""
    fields = {
        "aspect_ratio": _ratio(able, chosen.resolution),
        **_sizes(able, chosen),
        "num_images": _count(able, chosen),
        "resolution": _resolution(able),
        "references": _references(able, user),
        "rights": _rights(able),
        "negative_prompt": _avoid() if able.negative_prompt else None,
        "seed": _number("seed", able.seed),
        "guidance_scale": _number("guidance_scale", able.guidance_scale),
        "output_format": _output_format(able.output_formats),
        "sequential": _set() if able.sequential else None,
        "enhance_prompt": _switch("enhance_prompt") if able.enhance_prompt else None,
        "use_pre_llm": _switch("use_pre_llm") if able.use_pre_llm else None,
    }
    offered = {name: field for name, field in fields.items() if field}
    for name, field in offered.items():
        field.help_text = _advised(name, str(field.help_text), able)
    return offered


def _advised(name: str, help_text: str, able: Capabilities) -> str:
    """`help_text` with what is known of the option's use, and whether it is known at all."""
    unproven = _("The provider takes this, but no page says that the model heeds it.")
    doubt = unproven if name in able.unproven else ""
    return " ".join(filter(None, [help_text, str(QUALITY_ADVICE.get(name, "")), doubt]))


def engine_field(engines: Iterable[Engine]) -> forms.ChoiceField:
    """The choice of an engine."""
    refusal = gettext_lazy("This engine does not exist here. Choose another.")
    return forms.ChoiceField(
        label=LABELS["engine"],
        choices=_by_provider(list(engines)),
        widget=forms.Select(attrs=PRICED),
        error_messages=dict.fromkeys(("required", "invalid_choice"), refusal),
    )


def _by_provider(engines: Sequence[Engine]) -> list[Any]:
    """Engines by name with what to call them, in a group for each provider if there are several."""
    named = _named(engines)
    groups: dict[str, list[tuple[str, str]]] = {}
    for engine in engines:
        label = registry.adapter_class(engine.provider).label
        groups.setdefault(label, []).append((engine.name, named[engine.name]))
    return list(groups.items()) if len(groups) > 1 else list(named.items())


def _named(engines: Sequence[Engine]) -> dict[str, str]:
    """What to call each engine: with the provider where two have the same label."""
    labels = Counter(engine.label for engine in engines)
    return {
        engine.name: engine.label if labels[engine.label] == 1 else registry.full_label(engine)
        for engine in engines
    }


def counts(able: Capabilities, chosen: Chosen) -> range:
    """How many images may be asked for, a set and the references considered."""
    most = able.most_images(sequential=chosen.sequential)
    in_one = able.per_request(sequential=chosen.sequential)
    if able.max_pictures is not None and chosen.references:
        room = able.max_pictures - chosen.references
        most = most if in_one <= room else min(most, room)
    return range(1, max(most, 1) + 1)


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
    about = "" if able.exact_sizes else "≈ "
    labels = {ratio: f"{ratio} · {about}{wide}×{high}" for ratio, (wide, high) in sizes.items()}
    return _choice("aspect_ratio", labels, priced=True)


def _resolution(able: Capabilities) -> forms.ChoiceField | None:
    labels = {tier: _("Custom size") if tier == CUSTOM else tier for tier in able.resolutions}
    return _choice("resolution", labels, priced=True)


def _sizes(able: Capabilities, chosen: Chosen) -> dict[str, forms.Field]:
    """Width and height in pixels, in place of the format; at first those of the format chosen."""
    limits = able.custom_size
    if limits is None or chosen.resolution != CUSTOM:
        return {}
    known = [(ratio, size) for tier in able.sizes.values() for ratio, size in tier.items()]
    fitting = [(ratio, size) for ratio, size in known if limits.allows(*size)]
    fitting.sort(key=lambda item: item[0] != chosen.aspect_ratio)
    width, height = fitting[0][1] if fitting else (None, None)
    # The limits are the same for both: they are told once.
    words = {"width": size_in_words(limits), "height": ""}
    return {
        name: _pixels(name, limits, initial=initial, help_text=words[name])
        for name, initial in (("width", width), ("height", height))
    }


def _pixels(
    name: str, limits: CustomSize, *, initial: int | None, help_text: str
) -> forms.IntegerField:
    refusal = _("Choose %(least)d to %(most)d pixels.")
    refusal = refusal % {"least": limits.min_side, "most": limits.max_side}
    return forms.IntegerField(
        label=LABELS[name],
        min_value=limits.min_side,
        max_value=limits.max_side,
        initial=initial,
        help_text=help_text,
        widget=forms.NumberInput(attrs=PRICED),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), refusal),
    )


def _count(able: Capabilities, chosen: Chosen) -> forms.TypedChoiceField:
    offered = counts(able, chosen)
    refusal = _why_no_more(able, chosen, offered[-1])
    return forms.TypedChoiceField(
        label=LABELS["num_images"],
        coerce=int,
        choices=[(n, ngettext("%d image", "%d images", n) % n) for n in offered],
        widget=forms.Select(attrs=PRICED),
        error_messages=dict.fromkeys(("required", "invalid_choice"), refusal),
    )


def _why_no_more(able: Capabilities, chosen: Chosen, most: int) -> str:
    if most < able.most_images(sequential=chosen.sequential):
        together = _(
            "References and images together can be %(most)d at this engine. "
            "Ask for fewer images or remove references."
        )
        return together % {"most": able.max_pictures}
    if chosen.sequential:
        of_set = _("A set of this engine has 1 to %(most)d images. Choose a number in between.")
        return of_set % {"most": most}
    refusal = _("This engine makes 1 to %(most)d images at a time. Choose a number in between.")
    return refusal % {"most": most}


def _choice(
    name: str, choices: Mapping[str, str], *, priced: bool = False
) -> forms.ChoiceField | None:
    if not choices:
        return None
    refusal = _("This engine offers %(choices)s. Choose one of them.")
    offered = ", ".join(choices)
    return forms.ChoiceField(
        label=LABELS[name],
        choices=list(choices.items()),
        initial=next(iter(choices)),
        widget=forms.Select(attrs=PRICED if priced else {}),
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), refusal % {"choices": offered}
        ),
    )


def _number(name: str, limits: NumberRange | None) -> forms.Field | None:
    if limits is None:
        return None
    kind: Any = forms.IntegerField if float(limits.step).is_integer() else forms.FloatField
    words = _limits_in_words(limits)
    refusal = _("Choose a number from %(least)s to %(most)s, or leave it empty.") % words
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
        help_text=help_text % words,
        widget=forms.NumberInput(attrs={"step": limits.step, "placeholder": words["default"]}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), refusal),
    )
    return field


def _limits_in_words(limits: NumberRange) -> dict[str, str]:
    return {
        "least": _in_words(limits.minimum),
        "most": _in_words(limits.maximum),
        "step": _in_words(limits.step),
        "default": "" if limits.default is None else _in_words(limits.default),
    }


def _in_words(number: float) -> str:
    return f"{int(number):,}" if float(number).is_integer() else f"{number:g}"


def _output_format(formats: tuple[str, ...]) -> forms.ChoiceField | None:
    named = {each: each.upper() for each in formats}
    field = _choice("output_format", named)
    if field:
        field.required, field.initial = False, ""
        field.choices = [("", _("As the engine chooses")), *named.items()]
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


def _set() -> forms.BooleanField:
    """The switch for a set, on which hangs how many images there can be."""
    field = _switch("sequential")
    field.help_text = _("The engine makes as many of them as it sees fit, at most your number.")
    field.widget.attrs |= PRICED
    return field


def _references(able: Capabilities, user: User) -> ReferencesField | None:
    if no_references(able):
        return None
    most = able.max_references
    limit = ngettext(
        "JPEG, PNG or WebP, %(most)d at most.", "JPEG, PNG or WebP, %(most)d at most.", most
    )
    needs = _("This engine changes pictures: give it one.") if able.min_references else ""
    help_text = f"{needs} {limit % {'most': most}}".strip()
    return ReferencesField(user=user, most=most, help_text=help_text)


def _rights(able: Capabilities) -> forms.ChoiceField | None:
    if no_references(able):
        return None
    rights = Reference.Rights
    return forms.ChoiceField(
        label=LABELS["rights"],
        choices=[(each.value, each.label) for each in (rights.OWN, rights.LICENSED)],
        initial=rights.OWN,
    )
