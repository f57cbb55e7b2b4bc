"""What can go wrong at a provider, sorted by what must be done next.

    ProviderError
    ├── NotSent          no byte reached the provider: put back in line
    ├── Unavailable      the provider surely did not take it: put back in line, honour retry_after
    ├── OutcomeUnknown   sent, and no answer that can be read: never sent again without a key
    ├── Refused          answered no: the generation fails, credits return
    └── TaskFailed       a task that was accepted ended without a picture: likewise
        └── TaskCancelled
    Misconfigured        a key or setting is wrong; outside the tree, so nothing retries it away
    WebhookForged        a call that its provider did not make; outside the tree likewise

`code` is one word of the studio's own taxonomy (`Code`), `raw_code` the provider's; `message` is
the provider's text, kept for admins and never shown to others or logged.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generations.providers.types import Balance


class Code(StrEnum):
    """Why a generation ended without a picture; each has advice for people in `advice.py`."""

    INVALID_REQUEST = "invalid_request"
    PROMPT_REJECTED = "prompt_rejected"
    REFERENCE_REJECTED = "reference_rejected"
    CONTENT_POLICY = "content_policy"
    AUTH = "auth"
    FORBIDDEN = "forbidden"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    PROVIDER_ERROR = "provider_error"
    BAD_RESPONSE = "bad_response"
    CONNECTION = "connection"
    OUTCOME_UNKNOWN = "outcome_unknown"
    CANCELLED = "cancelled"
    IMAGE_UNREACHABLE = "image_unreachable"
    IMAGE_INVALID = "image_invalid"
    IMAGE_TOO_LARGE = "image_too_large"
    LABEL_FAILED = "label_failed"
    PERSON_INACTIVE = "person_inactive"
    ENGINE_MISSING = "engine_missing"


class ProviderError(Exception):
    """Base of all that a provider or the way to it can do to us.

    `retry_after` is in seconds, as the provider asked, or None; `balance` what it said is left.
    """

    default_code = Code.PROVIDER_ERROR

    def __init__(
        self,
        message: str = "",
        *,
        code: Code | None = None,
        raw_code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        balance: "Balance | None" = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.raw_code = raw_code
        self.request_id = request_id
        self.retry_after = retry_after
        self.balance = balance

    def __str__(self) -> str:
        # Never the message: providers echo prompts in it, and this text reaches the logs.
        return f"{self.code} {self.raw_code}".strip()


class NotSent(ProviderError):
    default_code = Code.CONNECTION


class Unavailable(ProviderError):
    pass


class OutcomeUnknown(ProviderError):
    default_code = Code.OUTCOME_UNKNOWN


class Refused(ProviderError):
    default_code = Code.INVALID_REQUEST


class TaskFailed(ProviderError):
    pass


class TaskCancelled(TaskFailed):
    default_code = Code.CANCELLED


class FetchFailed(ProviderError):
    """A picture could not be fetched; `final` says that trying again is of no use."""

    default_code = Code.IMAGE_UNREACHABLE

    def __init__(self, message: str = "", *, final: bool, code: Code | None = None) -> None:
        super().__init__(message, code=code)
        self.final = final


class Misconfigured(Exception):
    """A provider's key, address or option is missing or wrong: an admin must mend it."""


class WebhookForged(Exception):
    """A call to our webhook that its provider did not make, or that is too old to be believed."""


class UnsupportedOption(ValueError):
    """An option was sent to an engine that lacks it; `field` is the form field's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
