"""Context processors: what every template may use."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import credit_requests, invitations, ledger, notices
from accounts.access import SEE_NOTICES
from accounts.ledger import Balance, Upcoming
from accounts.navigation import Navigation, navigation_for


def balance(request: HttpRequest) -> dict[str, Any]:
    """`balance`: the credits of the signed-in person, false for others. `planned_quotas`: how
    their monthly credits will change. Each is read only if it is used."""

    def read() -> Balance | None:
        user = getattr(request, "user", None)
        return ledger.balance(user) if user and user.is_authenticated else None

    def read_planned() -> list[Upcoming]:
        user = getattr(request, "user", None)
        return ledger.upcoming(user) if user and user.is_authenticated else []

    return {"balance": SimpleLazyObject(read), "planned_quotas": SimpleLazyObject(read_planned)}


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`navigation`: the links to the pages that the signed-in person may open."""

    def read() -> Navigation | None:
        user, match = getattr(request, "user", None), request.resolver_match
        if not user or not user.is_authenticated:
            return None
        return navigation_for(user, (match and match.url_name) or "")

    return {"navigation": SimpleLazyObject(read)}


def unread_notices(request: HttpRequest) -> dict[str, Any]:
    """`unread_notices`: how many notices the person has not read, of the studio if they
    see those, and their own; counted only if it is used."""

    def count() -> int:
        user = getattr(request, "user", None)
        if not user or not user.is_authenticated:
            return 0
        of_studio = notices.unread(user) if user.has_perm(SEE_NOTICES) else 0
        return of_studio + notices.unread_personal(user)

    return {"unread_notices": SimpleLazyObject(count)}


def can_mail(request: HttpRequest) -> dict[str, Any]:
    """`can_mail`: whether the studio sends mail, so whether a page may promise one."""
    return {"can_mail": invitations.can_mail()}


def open_credit_requests(request: HttpRequest) -> dict[str, Any]:
    """`open_credit_requests`: how many requests for credits wait; counted only if it is used."""
    return {"open_credit_requests": SimpleLazyObject(credit_requests.open_requests)}
