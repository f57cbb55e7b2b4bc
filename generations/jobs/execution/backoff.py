"""How long to wait before a step is tried again, in seconds."""

from random import uniform

from django.conf import settings

from generations.providers.errors import ProviderError

FIRST_SECONDS = 1
MOST_SECONDS = 128
# Seven waits, half of each random: an image is tried for 5 to 11 minutes.
MOST_FETCH_SECONDS = 300
MOST_ACCIDENT_SECONDS = 60


def submit_seconds(attempt: int, error: ProviderError) -> float:
    """Until the next attempt: what the provider asked, else at random up to 1, 2, 4 … 128.

    What a provider asks is not limited here, because the caller knows how much time is left.
    """
    if error.retry_after is not None:
        return max(error.retry_after, 0.0)
    return _scaled(uniform(0, _doubled(attempt, MOST_SECONDS)))  # noqa: S311  # no secret


def fetch_seconds(tries: int) -> float:
    """Until an image is tried again: at random from half to all of 1, 3, 9 … 300."""
    ceiling = min(FIRST_SECONDS * 3 ** min(tries - 1, 9), MOST_FETCH_SECONDS)
    return _scaled(uniform(ceiling / 2, ceiling))  # noqa: S311  # no secret


def accident_seconds(accidents: int) -> float:
    """Until work continues after trouble of the studio's own: 1, 2, 4 … 60, without jitter."""
    return _scaled(_doubled(accidents, MOST_ACCIDENT_SECONDS))


def _doubled(times: int, most: float) -> float:
    return min(FIRST_SECONDS * 2.0 ** min(times - 1, 16), most)


def _scaled(seconds: float) -> float:
    return seconds * settings.PROVIDER_TIME_SCALE
