"""What ModelArk's error codes mean: by code and not by status, as four meanings share 429.

From "Error codes" (docs.byteplus.com/en/docs/ModelArk/1299023, volcengine.com/docs/82379/1299023),
read in autumn 2026. The same codes stand in error answers, in the items of a set and in streams.
"""

import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generations.providers.answers import Fault, short
from generations.providers.errors import (
    Code,
    ProviderError,
    Refused,
    Unavailable,
)

# Without a class where the code leaves open what was made.
Meaning = tuple[type[ProviderError] | None, Code]

REFUSED_CONTENT: Meaning = (Refused, Code.CONTENT_POLICY)
TOO_MANY: Meaning = (Unavailable, Code.RATE_LIMITED)

# By the whole code, or by what stands before its first dot.
MEANINGS: Mapping[str, Meaning] = {
    "MissingParameter": (Refused, Code.INVALID_REQUEST),
    "InvalidParameter": (Refused, Code.INVALID_REQUEST),
    "InvalidArgumentError": (Refused, Code.INVALID_REQUEST),
    "OutofContextError": (Refused, Code.INVALID_REQUEST),
    # Only the sample of an error within a stream has this one, for a missing parameter.
    "BadRequest": (Refused, Code.INVALID_REQUEST),
    "InvalidImageURL": (Refused, Code.REFERENCE_REJECTED),
    "InvalidEndpoint.ClosedEndpoint": (Unavailable, Code.PROVIDER_ERROR),
    # The checker itself failed: nothing is said about the content.
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
    # "Retry later" does not say that nothing was made or billed.
    "InternalServiceError": (None, Code.PROVIDER_ERROR),
}
# Families whose members name what was looked at: input or output, text or image; model or account.
ENDINGS: Mapping[str, Meaning] = {
    "SensitiveContentDetected": REFUSED_CONTENT,
    "RiskDetection": REFUSED_CONTENT,
    "RateLimitExceeded": TOO_MANY,
}
# QuotaExceeded is for a free quota that is used up and for too many tasks in line.
ABOUT_THE_QUEUE = re.compile(r"queu|排队", re.IGNORECASE)
# "ARKRequest ID" and "Request id" are both seen.
REQUEST_ID = re.compile(r"request[ _]id\s*[:：]\s*([\w-]+)", re.IGNORECASE)

PAGE_ADVICE: Mapping[str, str | Promise] = {
    "modelnotopen": _(
        "Ask an admin to activate this model in the provider's console. Another engine may work "
        "meanwhile."
    ),
    "unsupportedmodel": _(
        "Ask an admin to check whether the provider's key is for this model. Another engine may "
        "work meanwhile."
    ),
    "setlimitexceeded": _(
        "Ask an admin to raise the usage limit that is set for this model in the provider's "
        "console."
    ),
    "quotaexceeded": _(
        "Ask an admin to look after the model's quota in the provider's console. Another engine "
        "may work meanwhile."
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
    """What an `error` object (code and message) says; empty where it is none."""
    if not isinstance(error, Mapping):
        return Fault()
    raw_code, message = str(error.get("code") or ""), str(error.get("message") or "")
    kind, code = _meaning(raw_code, message) or (None, None)
    return Fault(code=code, raw_code=short(raw_code), message=short(message), error=kind)


def request_id_in(message: str) -> str:
    """The request's id as messages end with it ("Request id: 0217…"), or nothing."""
    found = REQUEST_ID.search(message)
    return short(found[1]) if found else ""


def _meaning(raw_code: str, message: str) -> Meaning | None:
    family = raw_code.partition(".")[0]
    if family == "QuotaExceeded" and ABOUT_THE_QUEUE.search(message):
        return TOO_MANY
    found = MEANINGS.get(raw_code) or MEANINGS.get(family)
    by_ending = (meaning for ending, meaning in ENDINGS.items() if family.endswith(ending))
    return found or next(by_ending, None)
