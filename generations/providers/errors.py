"""What can go wrong at a provider, sorted by what must be done next.

    ProviderError
    ├── NotSent          no byte reached the provider: queued again
    ├── Unavailable      the provider did not accept it: queued again, retry_after is respected
    ├── OutcomeUnknown   sent, but there is no readable answer: never sent again automatically,
    │                    except under the same idempotency key
    ├── ProviderFailed   the provider answered with a complete error of its own: the request failed
    ├── Refused          the provider said no: the generation fails, credits are returned
    └── TaskFailed       an accepted task ended without an image: the same
        └── TaskCancelled
    Misconfigured        a key or setting is wrong; not a ProviderError, so it is never retried
    WebhookForged        a call that the provider did not make; not a ProviderError either

Only submits raise `ProviderFailed` and `OutcomeUnknown`: reads are safe to repeat, and a read that
fails is `Unavailable`. `code` is the studio's own code (`Code`), `raw_code` the provider's.
`message` is the provider's text: admins may read it; it is never shown to others and never logged.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generations.providers.answers import Answer
    from generations.providers.types import ProviderBalance


class Code(StrEnum):
    """Why a generation ended without an image; `advice.py` has advice for each."""

    INVALID_REQUEST = "invalid_request"
    PROMPT_REJECTED = "prompt_rejected"
    REFERENCE_REJECTED = "reference_rejected"
    CONTENT_POLICY = "content_policy"
    AUTH = "auth"
    FORBIDDEN = "forbidden"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    NOT_FOUND = "not_found"
    MISDIRECTED = "misdirected"
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
    """Base class of the errors of a provider and of the connection to it.

    `retry_after` is in seconds, as the provider asked, or None; `balance` is what it said is left.
    `answer` is the answer that says so, without the key, if there was one.
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
        balance: "ProviderBalance | None" = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.raw_code = raw_code
        self.request_id = request_id
        self.retry_after = retry_after
        self.balance = balance
        self.answer: Answer | None = None

    def __str__(self) -> str:
        # Never the message: providers repeat prompts in it, and this text is logged.
        return f"{self.code} {self.raw_code}".strip()


class NotSent(ProviderError):
    default_code = Code.CONNECTION


class Unavailable(ProviderError):
    pass


class OutcomeUnknown(ProviderError):
    default_code = Code.OUTCOME_UNKNOWN


class ProviderFailed(ProviderError):
    """The provider answered with a complete error of its own; the failed request may be billed.

    Only submits raise it. If the engine takes an idempotency key, the same bytes are sent again
    under the same key first. Without such a key nothing is sent again automatically.
    """


class Refused(ProviderError):
    default_code = Code.INVALID_REQUEST


class TaskFailed(ProviderError):
    pass


class TaskCancelled(TaskFailed):
    default_code = Code.CANCELLED


class FetchFailed(ProviderError):
    """An image could not be fetched; `final` says that another try is useless."""

    default_code = Code.IMAGE_UNREACHABLE

    def __init__(self, message: str = "", *, final: bool, code: Code | None = None) -> None:
        super().__init__(message, code=code)
        self.final = final


class Misconfigured(Exception):
    """A provider's key, address or option is missing or wrong; an admin must correct it."""


class WebhookForged(Exception):
    """A webhook call that its provider did not make, or whose time is too far from now."""


class UnsupportedOption(ValueError):
    """An option was sent to an engine that lacks it; `field` is the form field's name.

    `fields` are all fields that the error concerns, `field` first.
    """

    def __init__(self, field: str, message: str, *, also: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.fields = (field, *also)
        self.message = message
