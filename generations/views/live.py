"""Answers to polls that need no database: nothing has changed, or the fragment is in the cache.

The person's tag shows whether something has changed (see `generations.live`). `sessions.viewer`
remembers for a while who the database said is asking. A fragment is kept under the session hash
that the person had then. Both are gone when the person's sessions end. While the cache is away,
every poll is drawn from the database.
"""

import hashlib

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.crypto import constant_time_compare
from django.utils.translation import get_language_from_request

from accounts import sessions
from generations import live

TAG = "HX-PTag"
# Stands in a fragment for its tag, which holds a digest of the fragment.
TAG_TO_COME = "tag-to-come"


def known_answer(request: HttpRequest) -> HttpResponse | None:
    """The answer from the cache: 304, or the fragment as drawn before. None if the cache has
    neither.
    """
    person = sessions.viewer(request)
    if person is None:
        return None
    user_id, session_hash = person
    tag, sent = live.tag(user_id), request.headers.get(TAG, "")
    if constant_time_compare(tag, sent.partition(".")[0]):
        return tagged(HttpResponseNotModified(), sent)
    drawn = caches["live"].get(_key(request, tag, session_hash))
    return _unless_same(request, HttpResponse(drawn), tag) if drawn else None


def keep(request: HttpRequest, tag: str, response: HttpResponse) -> HttpResponse:
    """Keep the fragment that was drawn for the signed-in person as long as the tag, and answer with
    it.
    """
    person = sessions.viewer(request)
    if person:
        key = _key(request, tag, person[1])
        caches["live"].set(key, response.content, live.TAG_SECONDS)
    return _unless_same(request, response, tag)


def unless_known(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response, or 304 if the page shows the same already; for fragments without a tag."""
    return _unless_same(request, response, "")


def _unless_same(request: HttpRequest, response: HttpResponse, tag: str) -> HttpResponse:
    """The response, or 304 if it was drawn anew and is still what the page shows.

    The browser sends back the tag together with a digest of what it was given.
    """
    digest = hashlib.sha256(response.content).hexdigest()[:16]
    shown = request.headers.get(TAG, "").partition(".")[2]
    full = f"{tag}.{digest}"
    if constant_time_compare(digest, shown):
        return tagged(HttpResponseNotModified(), full)
    response.content = response.content.replace(TAG_TO_COME.encode(), full.encode())
    return tagged(response, full)


def tagged(response: HttpResponse, tag: str) -> HttpResponse:
    response[TAG] = tag
    # If the browser kept a copy, htmx would see a 200 instead of the 304.
    response["Cache-Control"] = "no-store, private"
    return response


def _key(request: HttpRequest, tag: str, session_hash: str) -> str:
    parts = [tag, session_hash, get_language_from_request(request), request.META["QUERY_STRING"]]
    return f"drawn:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}"
