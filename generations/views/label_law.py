"""The page for the company's lawyer."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.http import SignedInRequest
from generations.reading import label_law as reading


@require_safe
@access.checked
def label_law(request: SignedInRequest) -> HttpResponse:
    """What laws ask of labels, what in this studio answers it now, and what does not."""
    return render(request, "generations/label_law.html", {"page": reading.page()})
