"""How long to wait before something is tried again."""

import random

from django.conf import settings

from generations.providers.errors import ProviderError

FIRST_SECONDS = 1
MOST_SECONDS = 128


def wait_seconds(attempt: int, error: ProviderError) -> float:
    """Seconds until the next attempt: what the provider asked, else 1, 2, 4 … with full jitter."""
    if error.retry_after is not None:
        return error.retry_after
    ceiling = min(FIRST_SECONDS * 2 ** (attempt - 1), MOST_SECONDS)
    return random.uniform(0, ceiling) * settings.PROVIDER_TIME_SCALE  # noqa: S311  # no secret
