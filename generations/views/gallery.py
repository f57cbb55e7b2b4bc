"""The gallery's page."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts import access
from accounts.audit import readings
from accounts.http import SignedInRequest
from accounts.identifiers import uuid_of
from accounts.models import User
from generations.reading import gallery as images
from generations.reading.search import LONGEST_QUERY, Filter, what_was_searched
from generations.views.rendering import page_or_fragment


@require_safe
@access.checked
def gallery(request: SignedInRequest) -> HttpResponse:
    """The team's images; for htmx, only the next ones."""
    asked = request.GET
    chosen = Filter(
        query=asked.get("q", "").strip()[:LONGEST_QUERY],
        campaign=asked.get("campaign", ""),
        person=asked.get("person", ""),
    )
    cursor = asked.get("before", "")
    page = images.page(request.user, cursor=cursor, chosen=chosen)
    readings.note_prompts_seen(request.user, page.authors, where="gallery")
    if chosen.query:
        readings.note_gallery_searched(request.user, vars(chosen))
    context = {
        "page": page,
        "chosen": chosen,
        "is_continued": bool(cursor),
        "longest_query": LONGEST_QUERY,
        "searched": what_was_searched(chosen.query),
        "campaigns": images.campaigns_of(request.user),
        "people": images.people_of(request.user),
        "person_page": _page_of(chosen.person, request.user),
    }
    return page_or_fragment(
        request, "generations/gallery.html", "generations/_gallery_page.html", context
    )


def _page_of(identifier: str, viewer: User) -> str:
    """The address in the admin of a person of the viewer's team; empty if there is none."""
    uuid = uuid_of(identifier) if viewer.is_staff else None
    found = User.objects.filter(uuid=uuid, team_id=viewer.team_id).first() if uuid else None
    return access.page_of_person(found, viewer)
