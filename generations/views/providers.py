"""How the keys at the providers are doing: a page for those who look after them."""

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.http import SignedInRequest
from generations.reading import provider_status


@require_safe
@login_required
@permission_required("generations.view_provideraccount", raise_exception=True)
def providers(request: SignedInRequest) -> HttpResponse:
    """Every key of every provider set up here, trouble first."""
    context = {"keys": provider_status.keys(request.user.team.tzinfo)}
    return render(request, "generations/providers.html", context)
