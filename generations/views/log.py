"""The reviewer's pages: the log, and a run's whole story."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_safe

from accounts import access
from accounts.events import Event
from accounts.evidence import progress
from accounts.http import SignedInRequest
from generations.reading import gallery, stories


@require_safe
@access.checked
def log(request: SignedInRequest) -> HttpResponse:
    """The team's records, newest first. Only stories show prompts."""
    before = request.GET.get("before", "")
    asked = {name: request.GET.get(name, "") for name in ("person", "event")}
    context = {
        "page": stories.page(request.user, cursor=before, **asked),
        "asked": asked,
        "before": before,
        "people": gallery.people_of(request.user),
        "events": Event.choices,
        "verified": progress.standing(),
    }
    return render(request, "generations/log.html", context)


@require_GET
@access.checked
def story(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """A run from first to last, with prompt and images. Reading it is recorded."""
    runs = stories.runs_to_read(request.user).select_related("user", "campaign")
    run = get_object_or_404(runs, uuid=uuid)
    context = {"story": stories.read_story(run, reader=request.user)}
    return render(request, "generations/story.html", context)
