"""Asks the authority of LOG_TIMESTAMP_URL for time stamps of checkpoints (RFC 3161)."""

from django.conf import settings

from accounts import sealing
from accounts.sealing.stamps import MOST_BYTES
from generations.providers.answers import taken
from generations.providers.transport import exchange, submit_client

SECONDS = 15.0
HEADERS = {"Content-Type": "application/timestamp-query"}


class NoAnswer(Exception):
    """The authority has not answered as RFC 3161 says."""


def stamp_newest() -> None:
    """Get a time stamp for the newest checkpoint, if one is due and an authority is set.

    A failure is noted for the watch, and stops nothing.
    """
    if settings.LOG_TIMESTAMP_URL:
        sealing.stamp(_ask)


def _ask(query: bytes) -> bytes:
    """Send a query, and return the answer. Raises NoAnswer, and what `exchange` raises."""
    url = settings.LOG_TIMESTAMP_URL
    client = submit_client()
    with exchange(client, "POST", url, headers=HEADERS, content=query, timeout=SECONDS) as answer:
        if answer.status != 200:
            raise NoAnswer
        body, is_complete = taken(answer.chunks, MOST_BYTES)
    if not is_complete:
        raise NoAnswer
    return body
