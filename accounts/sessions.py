"""Ending a person's sessions, and telling a session apart without asking the database.

Sessions are rows with a copy in the cache. Every sign-in goes through allauth, which notes its
session in `UserSession`; that is how a person's sessions are found.
"""

from collections.abc import Sequence
from functools import partial

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User


def end_all(user: User, *, except_key: str | None = None) -> None:
    """End every session of `user` but the one with the session key `except_key`.

    Cached copies go on commit: before it, a request could still put one back from the table.
    """
    ended = UserSession.objects.filter(user=user).exclude(session_key=except_key or "")
    keys = list(ended.values_list("session_key", flat=True))
    with transaction.atomic():
        Session.objects.filter(session_key__in=keys).delete()
        ended.delete()
        transaction.on_commit(partial(_forget, user.pk, keys), robust=True)


def fingerprint(request: HttpRequest) -> tuple[int, str] | None:
    """Who the session says it belongs to, and the hash of the password it was opened with.

    Read from the session alone, which the cache holds: no SQL. None where nobody is signed in.
    Whoever answers by it must compare the hash, in constant time, with one that was noted when the
    person was last loaded from the database, and forget that note with `live_key`.
    """
    user_id = request.session.get(SESSION_KEY)
    if user_id is None:
        return None
    return int(user_id), request.session.get(HASH_SESSION_KEY, "")


def live_key(user_id: int) -> str:
    """The cache key of what the live pages know of a person; gone when the sessions end."""
    return f"live:{user_id}"


def _forget(user_id: int, keys: Sequence[str]) -> None:
    store = SessionStore()
    for key in keys:
        store.delete(key)
    cache.delete(live_key(user_id))
