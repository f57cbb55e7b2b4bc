"""One random tag for each person, changed whenever something they can see has changed.

A poll compares tags without a query. A tag lives 20 seconds, so a change still shows within that
time if its `bump` was lost.
"""

import secrets

from django.core.cache import caches

from accounts.commits import after_commit
from accounts.sessions import live_key

TAG_SECONDS = 20


def bump(user_id: int) -> None:
    """On commit, change the person's tag, so that their next poll renders the page again."""
    after_commit(_renew, user_id)


def tag(user_id: int) -> str:
    """The person's current tag; a new one if there is none."""
    return caches["live"].get(live_key(user_id)) or _renew(user_id)


def _renew(user_id: int) -> str:
    fresh = secrets.token_urlsafe(9)
    caches["live"].set(live_key(user_id), fresh, TAG_SECONDS)
    return fresh
