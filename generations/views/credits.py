"""What became of a person's credits."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.http import SignedInRequest
from generations.reading import credits as reading


@require_safe
@access.checked
def credits(request: SignedInRequest) -> HttpResponse:
    """This month's figures, the person's runs with their credits, and changes of the limit."""
    before = request.GET.get("before", "")
    context = {
        "page": reading.page(request.user, before=before),
        "changes": [] if before else reading.changes(request.user),
        "before": before,
        "may_make": access.may_make(request.user),
    }
    return render(request, "generations/credits.html", context)
