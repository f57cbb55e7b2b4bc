"""Headers, language and compression of answers, and the size limit of request bodies."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from accounts import languages, origin
from accounts.http import give_connection_back

Answer = Callable[[HttpRequest], HttpResponse]

# The studio uses none of these features, so no injected script may use them either.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "bluetooth", "camera", "display-capture"),
        *("encrypted-media", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts"),
        *("magnetometer", "microphone", "midi", "payment", "publickey-credentials-get"),
        *("screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
    )
)

# Python raises an error for numbers of thousands of digits.
LENGTH = re.compile(r"[0-9]{1,18}")


class ConnectionMiddleware(MiddlewareMixin):
    """Returns the database connection to the pool before a client, who may be slow, reads."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        give_connection_back()
        return response


class OriginMiddleware:
    """Lets the record of a person's act say from which address and session it came."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with origin.of_request(request):
            return self._get_response(request)


class PersonMiddleware:
    """Answers those who have signed in in the language and time zone of their choice.

    Without a choice, pages are in the language of the browser (`LocaleMiddleware`), and times are
    those of the team; for others they are those of `TIME_ZONE`.
    """

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(None):
            # Who polls is read only if the answer must be drawn anew: see `views.studio`.
            if request.path_info != reverse("live"):
                languages.use_choice_of(request)
            return self._get_response(request)


class CompressionMiddleware(GZipMiddleware):
    """Compresses pages and fragments for browsers that accept gzip; leaves files as they are.

    The length of a compressed answer may reveal whether a secret in it equals a guess that it
    repeats (BREACH). Against this, the CSRF token differs in each answer, pages hold no other
    secret, cookies are not sent with the requests of other sites (SameSite), and Django adds up to
    100 random bytes. A proxy that compresses adds none, so it must not.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_page = response.get("Content-Type", "").startswith("text/html")
        if response.streaming or not is_page:
            return response
        return super().process_response(request, response)


class HeadersMiddleware(MiddlewareMixin):
    """Sets headers that neither Django nor django-csp set, unless the view has set them."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class BodySizeMiddleware(MiddlewareMixin):
    """Answers 413, without reading, to a body whose announced size is above the view's limit.

    A length that is not a number is answered 400. The limit is `DATA_UPLOAD_MAX_MEMORY_SIZE`
    bytes, or what `accounts.http.takes_body` says. It must come before CsrfViewMiddleware, which
    reads the body.
    """

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        most: int = getattr(view, "most_bytes", settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        announced = _announced(request)
        if announced <= most:
            return None
        sizes = {"announced": announced, "most": most}
        response = render(request, "413.html", sizes, status=413)
        response["Connection"] = "close"
        return response


def _announced(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not LENGTH.fullmatch(length):
        raise BadRequest("The Content-Length is not a number, or is too large.")
    return int(length)
