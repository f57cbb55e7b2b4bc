"""The page with the state of the keys at the providers, for admins."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.http import SignedInRequest
from generations.reading import provider_status


@require_safe
@access.checked
def providers(request: SignedInRequest) -> HttpResponse:
    """Every key of the providers that are set up here, trouble first."""
    context = {"keys": provider_status.keys(request.user.tzinfo)}
    return render(request, "generations/providers.html", context)
