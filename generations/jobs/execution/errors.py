"""What the row and the record keep of a provider's error. Both are bounded."""

from generations.providers.errors import ProviderError


def columns(error: ProviderError) -> dict[str, str]:
    """The columns that keep `error`, for people and for admins."""
    return {
        "error_code": str(error.code),
        "error_raw_code": error.raw_code[:200],
        "error_message": error.message[:2000],
        **({"request_id": error.request_id[:200]} if error.request_id else {}),
    }


def facts(error: ProviderError) -> dict[str, str]:
    """What a record says of `error`: never its message, which may repeat the prompt."""
    return {
        "error": str(error.code),
        "provider_code": error.raw_code[:200],
        "provider_request_id": error.request_id[:200],
    }
