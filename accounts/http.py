"""What the studio's views need to know about a request."""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connection
from django.http import HttpRequest
from django.http.request import split_domain_port
from django_htmx.middleware import HtmxDetails

from accounts.models import User

LONGEST_TEXT = 300
View = TypeVar("View", bound=Callable[..., Any])


class SignedInRequest(HttpRequest):
    """A request in a view behind `accounts.access.checked`."""

    user: User
    htmx: HtmxDetails


def own_address(request: HttpRequest) -> str:
    """The studio's address for links in mails: `PUBLIC_URL`, or one made from the settings.

    The request's host is used only if `ALLOWED_HOSTS` lists it literally, and its port never is:
    otherwise a stranger could have a link to another host sent to somebody.
    """
    if settings.PUBLIC_URL:
        return settings.PUBLIC_URL
    host, _port = split_domain_port(request.get_host())
    if host not in settings.ALLOWED_HOSTS:
        host = "localhost"
    return f"http://{host}:{settings.PORT}"


def give_connection_back() -> None:
    """Return this thread's database connection to the pool, if there is one.

    Call it when a request only waits for its client; the next query takes a connection again.
    """
    if "pool" in connection.settings_dict["OPTIONS"] and not connection.in_atomic_block:
        connection.close()


def takes_body(most_bytes: int) -> Callable[[View], View]:
    """Let a view accept bodies of up to `most_bytes`, files included, above the usual limit."""

    def decorator(view: View) -> View:
        view.most_bytes = most_bytes  # type: ignore[attr-defined]
        return view

    return decorator


def actor_of(request: HttpRequest) -> User:
    """Who acts, in classes (of Django's admin) that have already refused anonymous requests."""
    return cast(User, request.user)


def caller(request: HttpRequest) -> dict[str, Any]:
    """The caller's `ip` and `user_agent`, for the personal part of a record.

    The address is that of the connection, or the one that the trusted proxy names
    (`ALLAUTH_TRUSTED_PROXY_COUNT`); empty if there is none. The user agent may be forged.
    """
    try:
        address = get_adapter(request).get_client_ip(request)
    except (ImproperlyConfigured, PermissionDenied):
        address = ""
    return {"ip": address, "user_agent": printable(request.headers.get("User-Agent", ""))}


def session_name(request: HttpRequest) -> str:
    """How the log names a session: the start of the hash of its key, which opens nothing."""
    key = request.session.session_key or ""
    return hashlib.sha256(key.encode()).hexdigest()[:16] if key else ""


def printable(text: str, longest: int = LONGEST_TEXT) -> str:
    """Outside text made fit for a record: no control characters, at most `longest` characters."""
    return "".join(letter for letter in text[:longest] if letter.isprintable())
