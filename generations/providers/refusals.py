"""Whether a provider's text refuses the content of a request. Pure: reads codes and error texts.

Providers report such refusals with undocumented codes and in plain sentences. Only the provider's
own error texts are read, never a gateway's page. Text in quotation marks is skipped, because it may
be the prompt. If in doubt, it is not a refusal, because an unavailable service, a key without
access and a wrong parameter are described in similar words.
"""

import re
from collections.abc import Iterator

from generations.providers.errors import Code

TEXT_CHARACTERS = 1000

# Codes that leave the cause open; the text may name it.
UNCLEAR = (None, Code.INVALID_REQUEST, Code.PROVIDER_ERROR)

_QUOTED = re.compile(r'"[^"]*"|“[^”]*”|«[^»]*»|`[^`]*`|(?<!\w)\'[^\']*\'(?!\w)')
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# A raw code with one of these words names another cause, whatever the text beside it says.
_ANOTHER_CAUSE = _any_of(
    r"\b(internal|server|service|capacity|overload\w*|unavailable|time ?out|timed|rate|limit)\b",
    r"\b(quota|credits?|balance|funds|auth\w*|unauthorized|permission|access|key|account)\b",
    r"\b(param\w*|size|format|length|long|large|small|resolution|ratio|seed|url|download)\b",
    r"\b(not found|idempotency)\b",
)
# A sentence that matches one of these is about a service, a key or a plan, not about content.
_ANOTHER_MATTER = _any_of(
    r"unavailable|timed? ?out|overload|at capacity|no (available )?capacity|unreachable",
    r"not (reachable|responding|available)|internal (server )?error|service error|temporar",
    r"failed to (load|start|run|respond|connect|reach|initiali[sz]e|complete)",
    r"could(n't| not) (be (reached|completed|checked|run)|run|reach|complete|connect)",
    r"\b(your|this|the) account\b|api[ -]?key|insufficient|balance|quota|rate[ -]?limit",
    r"subscription|\bplan\b|permission|access (to|denied|polic)|organi[sz]ation|suspended",
    r"firewall|ip address|case[ -]sensitive|\b(is|are|was|went) down\b",
)
# Phrases that occur only in refusals of content.
_REFUSAL = _any_of(
    r"content polic(y|ies)|usage polic|\bnsfw\b|not safe for work|community guidelines",
    r"(content|policy|safety|guidelines?|copyright|terms) violation",
    r"violat\w* [^.;]{0,60}(polic|guideline|terms|rules|copyright|standards)",
    r"content (is |was |has been )?(blocked|flagged|prohibited|rejected|refused|not allowed)",
    r"flagged (as|for|by)\b|sexually explicit|intellectual property|copyrighted",
    r"copyright (material|content|infring\w+|restrict\w+|protect\w+)",
    r"\b(sensitive|prohibited|banned|blocked|unsafe|inappropriate|harmful|violent|sexual|offensive"
    r"|objectionable|pornographic|disallowed|forbidden|illegal) (\w+ )?(content|words?|material)\b",
    r"\b(sensitive|unsafe|inappropriate|harmful|offensive|objectionable)"
    r" (\w+ )?(images?|imagery|pictures?|prompts?|topics?|subjects?|language)\b",
    r"敏感|违规|违反|涉黄|审核(不|未)通过|未通过审核",
)
# A topic of content, and a verdict on it: both are required.
_TOPIC = _any_of(
    r"\bsafety\b|moderat(ion|ed|or)|sensitive|\bunsafe\b|copyright|trademark|guidelines",
    r"content (filter|check\w*|review|security|restriction\w*|detect\w*)|risk control",
    r"nudity|sexual|violence|hate speech|celebrit|public figure|real (person|people)|likeness",
)
_VERDICT = _any_of(
    r"flagged|\bblock(ed|s)\b|\breject(ed|s)\b|\brefus(ed|es|al)\b|violat\w+|\bdetected\b",
    r"prohibit(ed|s)|disallow(ed|s)|not (allowed|permitted|accepted)|against|breach\w*|\bdenied\b",
    r"filtered|trigger(ed|s)|did(n't| not) pass|failed( the| our)?( \w+)? (safety|moderation)",
    r"(check|checks|review|moderation|filter) failed|(may )?contain(s|ed)?\b|infring\w+|declined",
    r"\bunsafe\b|restricted|(stopped|caught) by",
)
# In a sentence about a field the verdict may be about the field's value.
_ABOUT_A_FIELD = _any_of(r"\b(parameter|field|option|value|schema|integer|boolean|must be)\b")


def code_told(code: Code | None, raw_code: str, message: str) -> Code | None:
    """`code`, or `CONTENT_POLICY` if `code` leaves the cause open and the text names it."""
    if code in UNCLEAR and refuses_content(raw_code, message):
        return Code.CONTENT_POLICY
    return code


def refuses_content(raw_code: str, message: str) -> bool:
    """Whether a provider's own code or text says that the content of a request is refused."""
    name = _words(raw_code)
    if _REFUSAL.search(name):
        return not _ANOTHER_MATTER.search(name)
    if _ANOTHER_CAUSE.search(name):
        return False
    return _names_a_check(name) or any(map(_refuses, _sentences(message)))


def _words(raw_code: str) -> str:
    """A code as words: `SensitiveContent` and `sensitive_content` are `Sensitive Content`."""
    return re.sub(r"[\W_]+", " ", _HUMPS.sub(" ", raw_code[:TEXT_CHARACTERS])).strip()


def _names_a_check(name: str) -> bool:
    """Whether a code is about a check of content, and not about an error of that check."""
    return bool(_TOPIC.search(name)) and not re.search(r"error|invalid", name, re.IGNORECASE)


def _sentences(message: str) -> Iterator[str]:
    told = _QUOTED.sub(" ", message[:TEXT_CHARACTERS]).replace("_", " ")
    yield from re.split(r"[.!?;。！？；\n]", told)


def _refuses(sentence: str) -> bool:
    if _ANOTHER_MATTER.search(sentence):
        return False
    if _REFUSAL.search(sentence):
        return True
    verdict = _TOPIC.search(sentence) and _VERDICT.search(sentence)
    return bool(verdict) and not _ABOUT_A_FIELD.search(sentence)
