"""The reviewer's pages: the log, and the stories of a run and of an image."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_safe

from accounts import access
from accounts.audit import readings
from accounts.events import Event
from accounts.http import SignedInRequest
from generations.reading import gallery, stories
from generations.reading.story import image_story, run_story


@require_safe
@access.checked
def log(request: SignedInRequest) -> HttpResponse:
    """The team's records, newest first. Only stories show prompts."""
    before = request.GET.get("before", "")
    asked = {name: request.GET.get(name, "") for name in ("person", "event")}
    readings.note_log_opened(request.user, asked)
    context = {
        "page": stories.page(request.user, cursor=before, **asked),
        "asked": asked,
        "before": before,
        "people": gallery.people_of(request.user),
        "events": Event.choices,
    }
    return render(request, "generations/log.html", context)


@require_GET
@access.checked
def story(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """A run from first to last, as its records tell it. Reading it is recorded."""
    found = run_story(uuid, reader=request.user)
    if found is None:
        raise Http404
    return render(request, "generations/story.html", {"story": found})


@require_GET
@access.checked
def image(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """An image with all its hashes and the request it came from. Reading it is recorded."""
    found = image_story(uuid, reader=request.user)
    if found is None:
        raise Http404
    return render(request, "generations/image_story.html", {"story": found})
