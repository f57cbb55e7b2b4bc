"""The page with the state of the keys at the providers, for admins."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.http import SignedInRequest
from generations.reading import provider_status
from generations.reading.provider_status import balances


@require_safe
@access.checked
def providers(request: SignedInRequest) -> HttpResponse:
    """Every key of the providers that are set up here, trouble first, then balances."""
    context = {
        "keys": provider_status.keys(request.user.tzinfo),
        "days": balances.days(),
        "least": f"{settings.BALANCE_DRIFT_USD:.2f}",
        "percent": f"{settings.BALANCE_DRIFT_PERCENT:g}",
    }
    return render(request, "generations/providers.html", context)
