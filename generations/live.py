"""One random tag per person, made afresh whenever something they can see has changed.

The poll compares tags without touching the database. A tag lives 20 seconds, so that a change
whose bump was lost shows itself all the same.
"""

import secrets
from functools import partial

from django.core.cache import cache
from django.db import transaction

from accounts.sessions import live_key

TAG_SECONDS = 20


def bump(user_id: int) -> None:
    """On commit, make the person's next poll render afresh."""
    transaction.on_commit(partial(_renew, user_id), robust=True)


def tag(user_id: int) -> str:
    """The person's tag as it stands, made now where there is none."""
    return cache.get(live_key(user_id)) or _renew(user_id)


def _renew(user_id: int) -> str:
    fresh = secrets.token_urlsafe(9)
    cache.set(live_key(user_id), fresh, TAG_SECONDS)
    return fresh
