"""The seal of the log, explained, and what is needed to verify an export."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.http import SignedInRequest
from generations.reading import seal as reading


@require_safe
@access.checked
def seal(request: SignedInRequest) -> HttpResponse:
    """How the log is sealed, how far it is verified, and how anyone can check it."""
    return render(request, "generations/seal.html", {"seal": reading.seal()})


@require_safe
@access.checked
def keys(request: SignedInRequest) -> HttpResponse:
    """The public keys of the log as a file."""
    text = reading.public_keys()
    headers = {"Content-Disposition": 'attachment; filename="log-keys.txt"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
