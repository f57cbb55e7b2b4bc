"""The sentences that tell people why an engine can't do what they ask, one for each rule.

`validation` raises these sentences and the composer shows them beside its fields.
"""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from generations.providers.capabilities import (
    Capabilities,
    CustomSize,
    NumberRange,
    ReferenceDelivery,
)

# What the options of a run are called on pages.
OPTION_LABELS = {
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
}
NO_PROMPT = gettext_lazy("Write what the images should show.")
NO_ENGINE = gettext_lazy("This studio does not have this engine. Choose another.")
NO_OPTION = gettext_lazy(
    "This engine does not have this option. Leave it out, or choose another engine."
)
UNFIT_CHARACTER = gettext_lazy(
    "The text contains a character that can't be stored or sent. Type the text again."
)
NEEDS_REFERENCE = gettext_lazy("This engine changes an existing image. Add one as a reference.")
FORMAT_NEEDS_REFERENCE = gettext_lazy(
    "This format needs a reference. Add one, or choose another format."
)
OTHER_SIZE = gettext_lazy("It can't be combined with the chosen resolution. Leave it out.")


def has_unfit_character(text: str) -> bool:
    """Whether `text` has what no database or provider takes: NUL, or half of a character."""
    return any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def too_long(text: str, limit: int) -> str:
    """Why `text` is refused if it may have at most `limit` characters."""
    message = _(
        "The text has %(length)d characters and this engine takes at most %(limit)d. "
        "Shorten it by %(excess)d."
    )
    return message % {"length": len(text), "limit": limit, "excess": len(text) - limit}


def number_of_images(able: Capabilities, *, sequential: bool, references: int) -> str:
    """Why a run can't have the number of images that was asked for."""
    most = able.most_images(sequential=sequential)
    if able.most_images(sequential=sequential, references=references) < most:
        together = _(
            "This engine allows %(most)d references and images together. "
            "Ask for fewer images or remove references."
        )
        return together % {"most": able.max_images_and_references}
    if sequential:
        of_set = _("Choose a number from 1 to %(most)d: this engine's sets have no more images.")
        return of_set % {"most": most}
    of_run = _("Choose a number from 1 to %(most)d: this engine makes no more images at a time.")
    return of_run % {"most": most}


def choice(choices: Iterable[str]) -> str:
    """Why a value that is not one of `choices` is refused."""
    named = ", ".join(choices)
    if not named:
        return str(NO_OPTION)
    return _("This engine offers %(choices)s. Choose one of them.") % {"choices": named}


def number(limits: NumberRange) -> str:
    """Why a number outside `limits`, or between two steps, is refused."""
    message = _("Choose a number from %(least)s to %(most)s, or leave it empty.")
    if limits.step != 1:
        message = _(
            "Choose a number from %(least)s to %(most)s in steps of %(step)s, or leave it empty."
        )
    return message % limits_in_words(limits)


def limits_in_words(limits: NumberRange) -> dict[str, str]:
    """The numbers of `limits` as text for people: least, most, step and default."""
    return {
        "least": _in_words(limits.minimum),
        "most": _in_words(limits.maximum),
        "step": _in_words(limits.step),
        "default": "" if limits.default is None else _in_words(limits.default),
    }


def _in_words(figure: float) -> str:
    return f"{int(figure):,}" if float(figure).is_integer() else f"{figure:g}"


def size(limits: CustomSize) -> str:
    """Which widths and heights in pixels `limits` allow."""
    sides = _(
        "Width and height may be %(least)d to %(most)d pixels each. Neither may be more than "
        "%(ratio)g times the other."
    ) % {"least": limits.min_side, "most": limits.max_side, "ratio": limits.max_ratio}
    if not limits.max_pixels:
        return sides
    pixels = (
        _("The image may have %(least)s to %(most)s million pixels.")
        if limits.min_pixels
        else _("The image may have at most %(most)s million pixels.")
    )
    least, most = f"{limits.min_pixels / 1e6:.2f}", f"{limits.max_pixels / 1e6:.2f}"
    return f"{sides} {pixels % {'least': least, 'most': most}}"


def sides_together(limits: CustomSize, width: int, height: int) -> str:
    """Why a width and a height, each of which `limits` allow, are refused together."""
    figures = {"width": width, "height": height}
    if max(width, height) > limits.max_ratio * min(width, height):
        why = _("%(width)d×%(height)d is too long and thin.")
    elif width * height < limits.min_pixels:
        why = _("%(width)d×%(height)d has too few pixels.")
    else:
        why = _("%(width)d×%(height)d has too many pixels.")
    return f"{why % figures} {size(limits)}"


def no_references(able: Capabilities, *, links_possible: bool) -> str:
    """Why an engine takes no references here; empty if it takes some."""
    if not able.max_references:
        return _("This engine takes no references.")
    if able.reference_delivery is ReferenceDelivery.LINK and not links_possible:
        return _(
            "This engine fetches references from the studio, which has no public address yet. "
            "Choose another engine, or ask an admin to set PUBLIC_URL."
        )
    return ""


def too_many_references(most: int, given: int) -> str:
    """Why `given` references are refused if at most `most` are allowed."""
    message = ngettext(
        "This engine takes %(most)d reference and you gave %(given)d. Remove the others.",
        "This engine takes %(most)d references and you gave %(given)d. Remove some.",
        most,
    )
    return message % {"most": most, "given": given}
