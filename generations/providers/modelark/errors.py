"""What ModelArk's error codes mean: by code and not by status, because four meanings share 429.

Facts: "Error codes" (docs.byteplus.com/en/docs/ModelArk/1299023,
volcengine.com/docs/82379/1299023), read in autumn 2026. Error answers, the items of a set and
streams all use these codes.
"""

import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generations.providers.answers import Fault, has_texts, short
from generations.providers.concerns import Concern, usual_concern
from generations.providers.errors import (
    Code,
    ProviderError,
    Refused,
    Unavailable,
)
from generations.providers.refusals import refuses_content

# The exception is None if the code does not say what was made.
Meaning = tuple[type[ProviderError] | None, Code]

REFUSED_CONTENT: Meaning = (Refused, Code.CONTENT_POLICY)
TOO_MANY: Meaning = (Unavailable, Code.RATE_LIMITED)

# By the whole code, or by its part before the first dot.
MEANINGS: Mapping[str, Meaning] = {
    "MissingParameter": (Refused, Code.INVALID_REQUEST),
    "InvalidParameter": (Refused, Code.INVALID_REQUEST),
    "InvalidArgumentError": (Refused, Code.INVALID_REQUEST),
    "OutofContextError": (Refused, Code.INVALID_REQUEST),
    # Only in the page's sample of an error within a stream, for a missing parameter.
    "BadRequest": (Refused, Code.INVALID_REQUEST),
    "InvalidImageURL": (Refused, Code.REFERENCE_REJECTED),
    "InvalidEndpoint.ClosedEndpoint": (Unavailable, Code.PROVIDER_ERROR),
    # The check itself failed, which says nothing about the content.
    "ContentSecurityDetectionError": (Unavailable, Code.PROVIDER_ERROR),
    "AuthenticationError": (Refused, Code.AUTH),
    "AccountOverdueError": (Refused, Code.INSUFFICIENT_BALANCE),
    "OperationDenied.ServiceOverdue": (Refused, Code.INSUFFICIENT_BALANCE),
    "OperationDenied": (Refused, Code.FORBIDDEN),
    "AccessDenied": (Refused, Code.FORBIDDEN),
    "InvalidAccountStatus": (Refused, Code.FORBIDDEN),
    "InvalidEndpointOrModel": (Refused, Code.NOT_FOUND),
    "ModelNotOpen": (Refused, Code.NOT_FOUND),
    "UnsupportedModel": (Refused, Code.NOT_FOUND),
    "RateLimitExceeded": TOO_MANY,
    "InflightBatchsizeExceeded": TOO_MANY,
    "RequestBurstTooFast": TOO_MANY,
    "ServerOverloaded": (Unavailable, Code.PROVIDER_ERROR),
    "SetLimitExceeded": (Refused, Code.INSUFFICIENT_BALANCE),
    "QuotaExceeded": (Refused, Code.INSUFFICIENT_BALANCE),
    # "Retry later" does not say that nothing was made or billed, so this failure may be billed.
    "InternalServiceError": (None, Code.PROVIDER_ERROR),
}
# Families of codes: the rest of the code names what was checked (input or output, text or image) or
# what is limited (model or account).
ENDINGS: Mapping[str, Meaning] = {
    "SensitiveContentDetected": REFUSED_CONTENT,
    "RiskDetection": REFUSED_CONTENT,
    "RateLimitExceeded": TOO_MANY,
}
# Refusals that concern the whole account. The other refusals that do not concern the request name a
# model or an endpoint ("Error codes"), and the key may still have access to other models.
ABOUT_ACCOUNT = frozenset(
    {
        "AuthenticationError",
        "AccountOverdueError",
        "OperationDenied.ServiceOverdue",
        "InvalidAccountStatus",
    }
)
ABOUT_ACCESS = frozenset({Code.AUTH, Code.INSUFFICIENT_BALANCE, Code.FORBIDDEN, Code.NOT_FOUND})
# QuotaExceeded stands for a free quota that is used up and for too many queued tasks.
ABOUT_THE_QUEUE = re.compile(r"queu|排队", re.IGNORECASE)
# Both "ARKRequest ID" and "Request id" occur.
REQUEST_ID = re.compile(r"request[ _]id\s*[:：]\s*([\w-]+)", re.IGNORECASE)

PAGE_ADVICE: Mapping[str, str | Promise] = {
    "modelnotopen": _(
        "Ask an admin to activate this model in the provider's console. Another engine may work "
        "meanwhile."
    ),
    "unsupportedmodel": _(
        "Ask an admin to check whether the studio's key is for this model. Another engine may "
        "work meanwhile."
    ),
    "setlimitexceeded": _(
        "Ask an admin to raise the usage limit that is set for this model in the provider's "
        "console."
    ),
    "quotaexceeded": _(
        "Ask an admin to check the model's quota in the provider's console. Another engine may "
        "work meanwhile."
    ),
    "outofcontexterror": _("Shorten the prompt or remove references."),
    "inputtextsensitivecontentdetected": _("Use a different prompt."),
    "inputtextsensitivecontentdetectedpolicyviolation": _("Use a different prompt."),
    "inputtextriskdetection": _("Use a different prompt."),
    "inputimagesensitivecontentdetected": _("Use different references."),
    "inputimagesensitivecontentdetectedpolicyviolation": _("Use different references."),
    "inputimagesensitivecontentdetectedprivacyinformation": _(
        "A reference may show a real person. Use a different one."
    ),
    "inputimageriskdetection": _("Use different references."),
    "outputimagesensitivecontentdetected": _(
        "Change the prompt or the references, or try again: the next result may pass."
    ),
    "outputimageriskdetection": _(
        "Change the prompt or the references, or try again: the next result may pass."
    ),
}


def fault_of(error: object) -> Fault:
    """What an `error` object says, `own` if it has code and message; empty if it is no object."""
    if not isinstance(error, Mapping):
        return Fault()
    raw_code, message = str(error.get("code") or ""), str(error.get("message") or "")
    kind, code = _meaning(raw_code, message) or (None, None)
    return Fault(
        code=code,
        raw_code=short(raw_code),
        message=short(message),
        error=kind,
        own=has_texts(error, "code", "message"),
    )


def concern_of(error: ProviderError) -> Concern:
    """What a refusal concerns. Content has separate codes, with status 400."""
    family = error.raw_code.partition(".")[0]
    if not {error.raw_code, family} & MEANINGS.keys():
        return usual_concern(error)
    if not isinstance(error, Refused) or error.code not in ABOUT_ACCESS:
        return Concern.REQUEST
    whole_account = {error.raw_code, family} & ABOUT_ACCOUNT
    return Concern.KEY if whole_account else Concern.ENGINE


def request_id_in(message: str) -> str:
    """The request's id at the end of a message ("Request id: 0217…"), or an empty string."""
    found = REQUEST_ID.search(message)
    return short(found[1]) if found else ""


def _meaning(raw_code: str, message: str) -> Meaning | None:
    family = raw_code.partition(".")[0]
    if family == "QuotaExceeded" and ABOUT_THE_QUEUE.search(message):
        return TOO_MANY
    found = MEANINGS.get(raw_code) or MEANINGS.get(family)
    by_ending = (meaning for ending, meaning in ENDINGS.items() if family.endswith(ending))
    found = found or next(by_ending, None)
    # The page does not name this code. Its text may show a refusal; the status decides the rest.
    worded = (None, Code.CONTENT_POLICY) if refuses_content(raw_code, message) else None
    return found or worded
