"""Advice for people when something went wrong at a provider: what happened, and what to do."""

from dataclasses import dataclass, replace
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generations.providers import registry
from generations.providers.answers import plain_code
from generations.providers.errors import Code

Text = str | Promise


class Remedy(StrEnum):
    """What to change when trying again. The value is part of URLs and of the log."""

    LOWER_RESOLUTION = "lower-resolution"
    WITHOUT_REFERENCES = "without-references"
    FEWER_AT_A_TIME = "fewer-at-a-time"
    EDIT_PROMPT = "edit-prompt"
    OTHER_ENGINE = "other-engine"


@dataclass(frozen=True)
class Advice:
    """One sentence on what happened and one or two on what to do, for people.

    `remedies` are the changes that may help, the most promising first.
    """

    title: Text
    what_to_do: Text
    remedies: tuple[Remedy, ...] = ()


# By option; from a published guide to problems with Seedream 4.5 (December 2025).
QUALITY_ADVICE: dict[str, Text] = {
    "guidance_scale": _(
        "If colours look burned or over-saturated, lower it step by step. If the image is washed "
        "out or ignores the prompt, raise it a little."
    ),
    "negative_prompt": _(
        "To avoid distorted hands or faces, write for example: extra fingers, distorted hands, "
        "deformed eyes."
    ),
}


ADVICE = {
    Code.INVALID_REQUEST: Advice(
        _("The provider did not accept this request."),
        _("Change the prompt or the options and try again."),
        (Remedy.EDIT_PROMPT,),
    ),
    Code.PROMPT_REJECTED: Advice(
        _("The provider did not accept this prompt."),
        _("Rewrite the prompt and try again."),
        (Remedy.EDIT_PROMPT,),
    ),
    Code.REFERENCE_REJECTED: Advice(
        _("A reference could not be used."),
        _("Try again with another reference, or without it."),
        (Remedy.WITHOUT_REFERENCES,),
    ),
    Code.CONTENT_POLICY: Advice(
        _("The provider's safety check refused this prompt or its result."),
        _("Change the prompt or the references."),
        (
            Remedy.EDIT_PROMPT,
            Remedy.WITHOUT_REFERENCES,
        ),
    ),
    Code.AUTH: Advice(
        _("The provider did not accept the studio's key."),
        _("Tell an admin. Another engine may work meanwhile."),
    ),
    Code.FORBIDDEN: Advice(
        _("The provider does not let the studio do this."),
        _("Tell an admin. Another engine may work meanwhile."),
    ),
    Code.INSUFFICIENT_BALANCE: Advice(
        _("The studio's balance at the provider is used up."),
        _("Tell an admin. Another engine may work meanwhile."),
    ),
    Code.NOT_FOUND: Advice(
        _("The provider does not know this engine."),
        _("Tell an admin. Another engine may work meanwhile."),
    ),
    Code.MISDIRECTED: Advice(
        _("The studio has a wrong address for this provider."),
        _("Tell an admin to correct the base URL. Another engine may work meanwhile."),
    ),
    Code.RATE_LIMITED: Advice(
        _("The provider takes no more requests at the moment."),
        _("Try again in a few minutes."),
    ),
    Code.TIMEOUT: Advice(
        _("The provider ran out of time."),
        _("Try again with a simpler prompt, fewer references or fewer images."),
        (
            Remedy.LOWER_RESOLUTION,
            Remedy.FEWER_AT_A_TIME,
            Remedy.WITHOUT_REFERENCES,
        ),
    ),
    Code.PROVIDER_ERROR: Advice(
        _("Something went wrong at the provider."),
        _("Try again. If it happens again, choose another engine."),
        (Remedy.FEWER_AT_A_TIME,),
    ),
    Code.BAD_RESPONSE: Advice(
        _("The provider's answer could not be read."),
        _("Try again. If it happens again, tell an admin."),
    ),
    Code.CONNECTION: Advice(
        _("The provider could not be reached."),
        _("Try again in a few minutes."),
    ),
    Code.OUTCOME_UNKNOWN: Advice(
        _("The provider did not say whether it carried out this request."),
        _("Wait: images may still arrive, or an admin decides. The credits stay reserved."),
    ),
    Code.CANCELLED: Advice(
        _("This was cancelled."),
        _("Try again if you want it after all."),
    ),
    Code.IMAGE_UNREACHABLE: Advice(
        _("The image was made, but could not be fetched from the provider."),
        _("Try again, or ask an admin to fetch it once more."),
    ),
    Code.IMAGE_INVALID: Advice(
        _("The provider sent a file that is not an image."),
        _("Try again. If it happens again, choose another engine."),
    ),
    Code.IMAGE_TOO_LARGE: Advice(
        _("The provider sent a file that is too large."),
        _("Try again at a lower resolution."),
        (Remedy.LOWER_RESOLUTION,),
    ),
    Code.LABEL_FAILED: Advice(
        _("The image arrived but could not be labelled, so it is held back."),
        _("Tell an admin. The original is kept."),
    ),
    Code.PERSON_INACTIVE: Advice(
        _("The person who asked for this is no longer active here."),
        _("Someone else in the team can use the prompt again."),
    ),
    Code.ENGINE_MISSING: Advice(
        _("This engine is no longer set up here."),
        _("Choose another engine, or ask an admin."),
    ),
}

# An unknown outcome that neither a webhook nor a poll can settle any more.
NOTHING_COMES = Advice(
    ADVICE[Code.OUTCOME_UNKNOWN].title,
    _("Ask an admin to decide. Until then the credits stay reserved."),
)

# For a failure that the provider may bill.
MAY_BE_BILLED = _("If the provider still bills it, the studio pays, not you.")

# For an unknown outcome after the request was given up.
GIVEN_UP = Advice(
    _("The provider's answer never came, or broke off before this image."),
    _("Try again if you still want it."),
)


def explain(code: str, raw_code: str = "", provider: str = "") -> Advice:
    """The advice for `code`; the text for `raw_code` from the provider's page, if there is one.

    A `code` that the studio does not know counts as trouble at the provider.
    """
    advice = ADVICE[Code(code)] if code in ADVICE else ADVICE[Code.PROVIDER_ERROR]
    if provider not in registry.provider_names():
        return advice
    pages = getattr(registry.adapter_class(provider), "page_advice", {})
    return replace(advice, what_to_do=pages.get(plain_code(raw_code), advice.what_to_do))
