"""What the row and the record keep of a provider's error. Both are bounded."""

from typing import Any

from generations.jobs.execution import told
from generations.providers.errors import ProviderError


def columns(error: ProviderError) -> dict[str, str]:
    """The columns that keep `error`, for people and for admins."""
    return {
        "error_code": str(error.code),
        "error_raw_code": error.raw_code[:200],
        "error_message": error.message[:2000],
        **({"request_id": error.request_id[:200]} if error.request_id else {}),
    }


def facts(error: ProviderError) -> dict[str, Any]:
    """What a record says of `error`: never its message, which may repeat the prompt."""
    return {
        "error": str(error.code),
        "provider_code": error.raw_code[:200],
        "provider_request_id": error.request_id[:200],
        **told.facts_of_answer(error.answer),
    }


def text(error: ProviderError) -> dict[str, Any]:
    """The personal values of a record about `error`: its message and the answer."""
    message = {"message": error.message[:2000]} if error.message else {}
    return message | told.text_of_answer(error.answer)
