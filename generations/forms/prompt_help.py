"""Help for the prompt: how long it may be, and hints on what engines do badly.

The hints follow a published guide to problems with Seedream 4.5 (December 2025). A script looks for
their words while somebody types; this module finds them in a prompt that a form already holds.
"""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generations.forms.draft import Draft
from generations.providers.capabilities import Capabilities

MOST_AT_ONCE = 2
# The length is shown when this share of the limit is used.
NEAR = 0.8

Text = str | Promise


@dataclass(frozen=True)
class Hint:
    """Advice that fits prompts in which the pattern `words` is found.

    `words` is read by Python and by JavaScript, without regard to case, and never crosses a line.
    """

    name: str
    words: str
    text: Text

    def fits(self, prompt: str) -> bool:
        return bool(re.search(self.words, prompt, re.IGNORECASE))


@dataclass(frozen=True)
class ShownHint:
    """A hint of the engine, and whether it is shown for the prompt as the form holds it."""

    hint: Hint
    is_shown: bool


@dataclass(frozen=True)
class PromptHelp:
    """Help for the prompt of one engine; `most` is its limit in characters."""

    most: int
    hints: list[ShownHint]
    near: float = NEAR
    at_once: int = MOST_AT_ONCE


# The most specific first: no more than `MOST_AT_ONCE` are shown.
_TEXT = Hint(
    "text",
    r"""["“”„«「『][^"“”«»」』]{2,}["“”»」』]|\b(says|saying|lettering|typography|headline|slogan|"""
    r"caption|logos?|logotype|wordmark)\b|文字|标语|标志",
    _(
        "Keep text in the image short, and say that it stands large in the centre. Add logos and "
        "small print afterwards in a layout program."
    ),
)
_NAMES = Hint(
    "names",
    r"\b(in the style of|style by|inspired by|painted by|photographed by|directed by)\b|"
    r"\b(disney|pixar|marvel|pokémon|pokemon|nintendo|lego|barbie|ghibli|star wars|coca-cola|nike|"
    r"adidas|apple logo|ferrari|picasso|warhol|banksy|hockney|leibovitz)\b|风格",
    _(
        "Describe the look instead of naming artists, characters or brands: their rights belong to "
        "others."
    ),
)
_HANDS_WORDS = (
    r"\b(hands?|finger\w*|holding|shaking hands|handshake|thumbs?|gestur\w+|pianist)\b|手"
)
_HANDS_AVOID = Hint(
    "hands",
    _HANDS_WORDS,
    _(
        "Hands often fail. Under More, write in “Avoid”: extra fingers, distorted hands. Show the "
        "person from close by."
    ),
)
_HANDS_SIMPLE = Hint(
    "hands",
    _HANDS_WORDS,
    _("Hands often fail. Ask for one or two people, a simple pose, and a view from close by."),
)
_CROWD = Hint(
    "crowd",
    r"\b(crowd\w*|audience|group of|dozens|hundreds|many people|busy street|market scene|"
    r"team of (?:[3-9]|\d\d+|three|four|five|six|seven|eight|nine|ten))\b|人群",
    _("Faces in a crowd are often distorted. One or two people near the camera turn out better."),
)
_COLOURS = Hint(
    "colours",
    r"\b(vivid|vibrant|neon|saturat\w*|colou?rful|hdr|glowing)\b|鲜艳",
    _("Colours may look burned. Balance them: soft lighting, natural colours, balanced exposure."),
)
_TEXTURE = Hint(
    "texture",
    r"\b(close-?up|macro|fabric|textile|skin|leather|fur|knit\w*|wool|wood grain|texture)\b|特写",
    _("For sharp surfaces add: sharp focus, detailed texture, studio lighting."),
)
_PEOPLE = Hint(
    "people",
    r"\b(ceo|managers?|doctors?|nurses?|engineers?|teachers?|business ?(?:man|men|woman|women|"
    r"people)|workers?|families|family|scientists?|customers?)\b|医生|老师|工程师",
    _("Engines repeat stereotypes. Say age, gender and origin, and vary them between images."),
)


def hints_for(able: Capabilities) -> list[Hint]:
    """The hints that fit an engine, the most important first."""
    hands = _HANDS_AVOID if able.negative_prompt else _HANDS_SIMPLE
    return [_TEXT, _NAMES, hands, _CROWD, _COLOURS, _TEXTURE, _PEOPLE]


def help_of(draft: Draft) -> PromptHelp:
    """The help for the engine and the prompt of `draft`."""
    # The page holds it already; a longer one is refused anyway.
    prompt = draft.given.one("prompt")[: draft.able.prompt_limit]
    room, hints = MOST_AT_ONCE, []
    for hint in hints_for(draft.able):
        is_shown = room > 0 and hint.fits(prompt)
        room -= is_shown
        hints.append(ShownHint(hint, is_shown))
    return PromptHelp(draft.able.prompt_limit, hints)
