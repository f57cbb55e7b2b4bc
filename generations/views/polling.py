"""The answer to a poll that needs no database: nothing has changed, or what was drawn already.

Told apart by the person's tag (see `generations.live`). Who asks is read from the session in the
cache; what was drawn is kept under the session's own hash, which it had when the person was last
loaded and found to be active. Both are gone when the person's sessions end.
"""

import hashlib

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.crypto import constant_time_compare
from django.utils.translation import get_language

from accounts import sessions
from generations import live

TAG = "HX-PTag"


def known_answer(request: HttpRequest) -> HttpResponse | None:
    """The answer as far as the cache has it: 304, the fragment as drawn, or None."""
    person = sessions.fingerprint(request)
    if person is None:
        return None
    user_id, session_hash = person
    tag = live.tag(user_id)
    if constant_time_compare(tag, request.headers.get(TAG, "")):
        return tagged(HttpResponseNotModified(), tag)
    drawn = cache.get(_key(request, tag, session_hash))
    return tagged(HttpResponse(drawn), tag) if drawn else None


def keep(request: HttpRequest, tag: str, response: HttpResponse) -> HttpResponse:
    """Answer with what was drawn for the signed-in person, and keep it while the tag lives."""
    person = sessions.fingerprint(request)
    if person:
        key = _key(request, tag, person[1])
        cache.set(key, response.content, live.TAG_SECONDS)
    return tagged(response, tag)


def tagged(response: HttpResponse, tag: str) -> HttpResponse:
    response[TAG] = tag
    # A browser that keeps a copy would hand htmx a 200 in place of the 304.
    response["Cache-Control"] = "no-store, private"
    return response


def _key(request: HttpRequest, tag: str, session_hash: str) -> str:
    parts = [tag, session_hash, get_language() or "", request.META["QUERY_STRING"]]
    return f"drawn:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}"
