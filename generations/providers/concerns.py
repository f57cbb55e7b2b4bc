"""What a refusal concerns: the request, the key that sent it, or one engine at this key.

A refusal of a key must not fail a request that another key can serve, and a refusal of a request
must not block a key. The status alone is not enough, because 403 means both keys without access and
blocked content (APIXO's page for seedream-4-5: "Key or route cannot access the model, or content is
blocked before task creation"; APIPod's "Error codes": "account, key or policy"). So the provider's
own code decides if its pages name one, and otherwise its text.
"""

import re
from enum import StrEnum

from generations.providers.errors import Code, ProviderError, Refused


class Concern(StrEnum):
    """REQUEST: another key would be refused too. UNCLEAR: only a try with another key can tell."""

    REQUEST = "request"
    KEY = "key"
    ENGINE = "engine"
    UNCLEAR = "unclear"


# Phrases from the providers' error pages and from answers seen at their APIs.
ABOUT_KEY = re.compile(
    r"\b(account|user|team|organi[sz]ation|api[ _-]?key|key|token)\b[^.;]{0,40}"
    r"\b(suspended|deactivated|disabled|banned|blocked|locked|frozen|closed|terminated|inactive"
    r"|restricted|revoked|expired|deleted|overdue)\b"
    r"|(region|country|territory|ip address)[^.;]{0,40}"
    r"\b(not |un)(allowed|supported|available|permitted|authori[sz]ed)"
    r"|unsupported[ _](region|country)",
    re.IGNORECASE,
)
ABOUT_ENGINE = re.compile(
    r"\b(model|endpoint|route|application|app)\b[^.;]{0,60}\b(access|permission|subscription"
    r"|not (open|activated|enabled|available|allowed|found))"
    r"|\b(access|subscri\w+|not (activated|enabled))\b[^.;]{0,60}"
    r"\b(model|endpoint|route|application|app)\b"
    r"|\bpermissions?\b|\baccess( is)? denied\b|\bnot authori[sz]ed\b|\bunauthori[sz]ed\b",
    re.IGNORECASE,
)
ABOUT_CONTENT = re.compile(
    r"content|moderation|nsfw|sensitive|unsafe|safety|prohibited|prompt|violat", re.IGNORECASE
)
# What a 404 to a submit may be about, if not the model: something that the request names.
ABOUT_ONE_THING = re.compile(
    r"\b(image|picture|photo|file|upload|reference|url|link|task|job|prediction|request)\b",
    re.IGNORECASE,
)
MODEL = re.compile(r"model|endpoint|route|application", re.IGNORECASE)


def usual_concern(error: ProviderError) -> Concern:
    """What `error` concerns, by the studio's code and the provider's text.

    401 and 402 concern the key. A 404 to a submit concerns the model, unless it names something
    that the request contained.
    """
    if not isinstance(error, Refused):
        return Concern.REQUEST
    match error.code:
        case Code.AUTH | Code.INSUFFICIENT_BALANCE:
            return Concern.KEY
        case Code.NOT_FOUND:
            return _by_what_is_missing(f"{error.raw_code} {error.message}")
        case Code.FORBIDDEN:
            return _by_text(f"{error.raw_code} {error.message}")
        case Code.CONTENT_POLICY if error.raw_code == "403":
            # A text about content may also name the key or the engine.
            both = ABOUT_KEY.search(error.message) or ABOUT_ENGINE.search(error.message)
            return Concern.UNCLEAR if both else Concern.REQUEST
    return Concern.REQUEST


def never_content(concern: Concern) -> Concern:
    """`concern` where a 403 is never about content: an unclear 403 concerns the engine."""
    return Concern.ENGINE if concern == Concern.UNCLEAR else concern


def _by_what_is_missing(text: str) -> Concern:
    about_a_thing = ABOUT_ONE_THING.search(text) and not MODEL.search(text)
    return Concern.REQUEST if about_a_thing else Concern.ENGINE


def _by_text(text: str) -> Concern:
    """What the text of a 403 concerns; UNCLEAR if it names nothing, or two things."""
    key, engine = ABOUT_KEY.search(text), ABOUT_ENGINE.search(text)
    if ABOUT_CONTENT.search(text):
        return Concern.UNCLEAR if key or engine else Concern.REQUEST
    if key:
        return Concern.KEY
    return Concern.ENGINE if engine else Concern.UNCLEAR
