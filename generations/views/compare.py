"""The page that shows two to four images beside one another."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.audit import readings
from accounts.http import SignedInRequest
from generations.reading.comparing import comparison
from generations.reading.neighbours import chosen_images


@require_safe
@access.checked
def compare(request: SignedInRequest) -> HttpResponse:
    """The images that the address names. If there are fewer than two, the page says what to do."""
    found = comparison(request.user, chosen_images(request.GET))
    readings.note_prompts_seen(request.user, found.authors, where="compare")
    return render(request, "generations/compare.html", {"comparison": found})
