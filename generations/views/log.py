"""The reviewer's pages: the log with its search, and a run's whole story."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import access
from accounts.audit import readings
from accounts.evidence import progress
from accounts.http import SignedInRequest
from accounts.models import Reading
from generations import saved_searches
from generations.forms import LogForm, SavedSearchForm
from generations.reading import log as listing
from generations.reading.search import what_was_searched
from generations.reading.story import image_story, run_story


@require_GET
@access.checked
def log(request: SignedInRequest) -> HttpResponse:
    """Runs and other acts, newest first. Each reading is recorded, with what was searched for."""
    form = LogForm(request.GET, reader=request.user)
    before = request.GET.get("before", "")
    page = None
    if form.is_valid():
        page = listing.page(request.user, form.asked, cursor=before)
        listing.note_reading(request.user, given=form.given, listed=len(page.lines))
        readings.note_prompts_seen(request.user, page.authors, where="log", page=Reading.Page.LOG)
    context = {
        "form": form,
        "page": page,
        "before": before,
        "lists_records": page is not None and form.asked.lists_records,
        "searched": what_was_searched(form.asked.words) if page else "",
        "verified": progress.standing(),
        "zone": str(request.user.tzinfo),
        "saved": list(request.user.saved_searches.filter(page=saved_searches.Page.LOG)),
        "saving": SavedSearchForm(auto_id="saving-%s"),
    }
    return render(request, "generations/log.html", context)


@require_POST
@access.checked
def save_search(request: SignedInRequest) -> HttpResponse:
    """Keep a search of the log under a name; the same name replaces an older search."""
    asked = LogForm(QueryDict(request.POST.get("query", "")), reader=request.user)
    form = SavedSearchForm(request.POST)
    if not asked.is_valid() or not asked.given:
        messages.error(request, _("Nothing was saved: this search has no valid filter."))
    elif not form.is_valid():
        messages.error(request, _("Nothing was saved: give a name of at most 60 characters."))
    elif not saved_searches.save(request.user, form.cleaned_data["name"], asked.given):
        messages.error(
            request,
            _("Nothing was saved: you keep %(count)d searches. Delete one first.")
            % {"count": saved_searches.MOST},
        )
    else:
        messages.success(request, _("The search is saved."))
    return _to_the_log(asked.as_query if asked.is_valid() else "")


@require_POST
@access.checked
def delete_search(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    search = get_object_or_404(request.user.saved_searches, uuid=uuid, page=saved_searches.Page.LOG)
    saved_searches.delete(search)
    messages.success(request, _("The saved search is deleted."))
    return _to_the_log("")


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


def _to_the_log(query: str) -> HttpResponse:
    response = HttpResponseRedirect(reverse("log") + (f"?{query}" if query else ""))
    response.status_code = 303
    return response
