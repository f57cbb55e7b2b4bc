"""The gallery's page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts.http import SignedInRequest
from generations.reading import gallery as images
from generations.views.rendering import page_or_fragment


@require_safe
@login_required
def gallery(request: SignedInRequest) -> HttpResponse:
    """The team's images; for htmx only the next ones."""
    asked = request.GET
    chosen = images.Filter(
        query=asked.get("q", "").strip(),
        campaign=asked.get("campaign", ""),
        person=asked.get("person", ""),
    )
    context = {
        "page": images.page(request.user, cursor=asked.get("before", ""), chosen=chosen),
        "chosen": chosen,
        "campaigns": images.campaigns_of(request.user),
        "people": images.people_of(request.user),
    }
    return page_or_fragment(
        request, "generations/gallery.html", "generations/_gallery_page.html", context
    )
