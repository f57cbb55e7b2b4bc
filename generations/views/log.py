"""The reviewer's pages: the log, and a run's whole story."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_safe

from accounts.events import Event
from accounts.http import SignedInRequest
from generations.models import Run
from generations.reading import gallery, stories


@require_safe
@login_required
def log(request: SignedInRequest) -> HttpResponse:
    """The records of the team, newest first. Prompts are in the stories alone."""
    _refuse_others(request)
    before = request.GET.get("before", "")
    asked = {name: request.GET.get(name, "") for name in ("person", "event")}
    context = {
        "page": stories.page(request.user, cursor=before, **asked),
        "asked": asked,
        "before": before,
        "people": gallery.people_of(request.user),
        "events": Event.choices,
    }
    return render(request, "generations/log.html", context)


@require_GET
@login_required
def story(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """A run from first to last, prompt and pictures included; that it was read is recorded."""
    _refuse_others(request)
    runs = Run.objects.visible_to(request.user).select_related("user", "campaign")
    run = get_object_or_404(runs, uuid=uuid)
    context = {"story": stories.read_story(run, reader=request.user)}
    return render(request, "generations/story.html", context)


def _refuse_others(request: SignedInRequest) -> None:
    """To people who may not read the log it does not exist."""
    if not request.user.has_perm(stories.READ):
        raise Http404
