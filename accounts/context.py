"""Context processors: what every template may use."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import invitations, ledger, notices
from accounts.ledger import Balance


def balance(request: HttpRequest) -> dict[str, Any]:
    """`balance`: the credits of the signed-in person, false for others. Read only if it is used."""

    def read() -> Balance | None:
        user = getattr(request, "user", None)
        return ledger.balance(user) if user and user.is_authenticated else None

    return {"balance": SimpleLazyObject(read)}


def unread_notices(request: HttpRequest) -> dict[str, Any]:
    """`unread_notices`: how many notices the person has not read; counted only if it is used."""

    def count() -> int:
        user = getattr(request, "user", None)
        return notices.unread(user) if user and user.is_authenticated else 0

    return {"unread_notices": SimpleLazyObject(count)}


def can_mail(request: HttpRequest) -> dict[str, Any]:
    """`can_mail`: whether the studio sends mail, so whether a page may promise one."""
    return {"can_mail": invitations.can_mail()}
