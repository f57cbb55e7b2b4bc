"""What every template may ask for."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import ledger
from accounts.ledger import Balance


def balance(request: HttpRequest) -> dict[str, Any]:
    """`balance`: the signed-in person's credits, or something false; read only where it is used."""

    def read() -> Balance | None:
        user = getattr(request, "user", None)
        return ledger.balance(user) if user and user.is_authenticated else None

    return {"balance": SimpleLazyObject(read)}
