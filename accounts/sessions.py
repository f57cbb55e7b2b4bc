"""Ends a person's sessions and links, and finds the viewer of a poll without a query.

Sessions are rows (see `accounts.session_store`). Every sign-in goes through allauth, which keeps
its session in `UserSession`; `end_all` finds a person's sessions there. A session that is missing
there ends by the person's session number, which Django compares at each request.
"""

import hashlib
from collections.abc import Iterable

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from accounts.commits import after_commit
from accounts.models import User

# How long the viewer of a session is remembered before the database is asked again.
VIEWER_SECONDS = 20


def end_all(user: User, *, keep: SessionBase | None = None) -> None:
    """End every session of `user` except `keep`, and every link to set a password.

    Call it after each change of what the person may do or see, or of how they sign in. It raises
    the session number, to which sessions and links are bound, in the table and on `user`.
    """
    kept = keep.session_key or "" if keep is not None else ""
    ended = UserSession.objects.filter(user=user).exclude(session_key=kept)
    with transaction.atomic():
        _raise_number(user)
        keys = list(ended.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        ended.delete()
        after_commit(_forget, user.pk, [*keys, kept])
    if keep is not None:
        keep[HASH_SESSION_KEY] = user.get_session_auth_hash()


def viewer(request: HttpRequest) -> tuple[int, str] | None:
    """The key of the person who asks, and their session hash; None if nobody is signed in.

    The database's answer is remembered for `VIEWER_SECONDS`. Callers may reply only with what was
    rendered for the same hash, which is forgotten when the session ends.
    """
    if not request.session.session_key:
        return None
    key = _viewer_key(request.session.session_key)
    known = caches["live"].get(key)
    if known is None and request.user.is_authenticated:
        known = request.user.pk, request.user.get_session_auth_hash()
        caches["live"].set(key, known, VIEWER_SECONDS)
    return known


def forget_viewer(session_key: str) -> None:
    """Forget whose session this is, so that the database is asked again."""
    caches["live"].delete(_viewer_key(session_key))


def live_key(user_id: int) -> str:
    """The cache key of a person's live tag, which is deleted when their sessions end."""
    return f"live:{user_id}"


def _raise_number(user: User) -> None:
    User.objects.filter(pk=user.pk).update(session_number=F("session_number") + 1)
    user.refresh_from_db(fields=["session_number"])


def _forget(user_id: int, session_keys: Iterable[str]) -> None:
    for key in session_keys:
        forget_viewer(key)
    caches["live"].delete(live_key(user_id))


def _viewer_key(session_key: str) -> str:
    """The cache key for a session. It is hashed, because a session key opens the session."""
    return f"viewer:{hashlib.sha256(session_key.encode()).hexdigest()}"
