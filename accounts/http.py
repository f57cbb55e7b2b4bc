"""The request as code behind a sign-in knows it."""

from typing import cast

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class SignedInRequest(HttpRequest):
    """For views behind `login_required`."""

    user: User
    htmx: HtmxDetails


def actor_of(request: HttpRequest) -> User:
    """Who acts, where a base class (Django's admin) has dealt with the anonymous already."""
    return cast(User, request.user)
