"""The gallery's page, its counts, its density and its saved views."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.audit import readings
from accounts.http import SignedInRequest
from accounts.identifiers import uuid_of
from accounts.models import User
from generations import saved_searches
from generations.exports import file_names
from generations.forms import SavedSearchForm
from generations.gallery_filters import LONGEST_QUERY, Filter
from generations.models.image import DAYS_IN_BIN
from generations.models.mark import MOST_STARS
from generations.paths import FEWEST_COMPARED, MOST_COMPARED
from generations.reading import facets
from generations.reading import gallery as images
from generations.reading.search import what_was_searched
from generations.tidying import packing
from generations.views.rendering import is_partial, page_or_fragment, see_other

DENSITIES = ("comfortable", "compact")
DENSITY = "gallery_density"  # the cookie
YEAR_SECONDS = 365 * 24 * 60 * 60
UNDO_WITHIN = timedelta(minutes=10)
Page = saved_searches.Page


@require_safe
@access.checked
def gallery(request: SignedInRequest) -> HttpResponse:
    """The team's images; for htmx, only the next ones."""
    asked = request.GET
    chosen = Filter.of(asked)
    cursor = asked.get("before", "")
    page = images.page(request.user, cursor=cursor, chosen=chosen)
    readings.note_prompts_seen(request.user, page.authors, where="gallery")
    if chosen.query:
        readings.note_gallery_searched(request.user, vars(chosen))
    context = {
        "page": page,
        "chosen": chosen,
        "is_continued": bool(cursor),
        "searched": what_was_searched(chosen.query),
        "person_page": _page_of(chosen.person, request.user),
    }
    if not is_partial(request):
        context |= _around(request, chosen)
    return page_or_fragment(
        request, "generations/gallery.html", "generations/_gallery_page.html", context
    )


def _page_of(identifier: str, viewer: User) -> str:
    """The address in the admin of a person of the viewer's team; empty if there is none."""
    uuid = uuid_of(identifier) if viewer.is_staff else None
    found = User.objects.filter(uuid=uuid, team_id=viewer.team_id).first() if uuid else None
    return access.page_of_person(found, viewer)


def _around(request: SignedInRequest, chosen: Filter) -> dict[str, Any]:
    """What stands around the images."""
    user = request.user
    return {
        "longest_query": LONGEST_QUERY,
        "facets": facets.facets(user, chosen),
        "segments": facets.segments(user, chosen),
        "tags": images.tags_of(user)[: facets.MOST_CHOICES],
        "campaigns": images.campaigns_of(user)[: facets.MOST_CHOICES],
        "ratings": range(1, MOST_STARS + 1),
        "saved": facets.saved_views(user),
        "saving": SavedSearchForm(auto_id="saving-%s"),
        "density": _density(request),
        "names": file_names.DEFAULT,
        "name_fields": file_names.FIELDS,
        "zip_bytes": packing.MOST_BYTES,
        "most_zips": packing.MOST_ZIPS,
        "days_in_bin": DAYS_IN_BIN,
        "may_make": access.may_make(user),
        "most_chosen": images.MOST_CHOSEN,
        "fewest_compared": FEWEST_COMPARED,
        "most_compared": MOST_COMPARED,
        "undo": _undo(request.GET.get("undo", "")),
    }


def _undo(text: str) -> str:
    """The moment of a hiding that can still be undone, as it was given; else empty."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return ""
    if moment is None or moment.tzinfo is None:
        return ""
    return text if timezone.now() - moment < UNDO_WITHIN else ""


@require_safe
@access.checked
def counts(request: SignedInRequest) -> HttpResponse:
    """How many images each choice of the panel has, as a fragment."""
    chosen = Filter.of(request.GET)
    counted = facets.count(request.user, chosen)
    context = {
        "chosen": chosen,
        "counted": counted,
        "facets": facets.facets(request.user, chosen, counted),
        "most_chosen": images.MOST_CHOSEN,
        "most_counted": facets.MOST_COUNTED,
    }
    return render(request, "generations/_gallery_counts.html", context)


def _density(request: SignedInRequest) -> str:
    given = request.COOKIES.get(DENSITY, "")
    return given if given in DENSITIES else DENSITIES[0]


@require_POST
@access.checked
def density(request: SignedInRequest) -> HttpResponse:
    """Remember in this browser how large the gallery shows images."""
    response = _back(request)
    wanted = request.POST.get("density", "")
    if wanted in DENSITIES:
        secure = request.is_secure()
        response.set_cookie(
            DENSITY, wanted, YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax"
        )
    return response


@require_POST
@access.checked
def save_view(request: SignedInRequest) -> HttpResponse:
    """Keep the filter of the gallery under a name; the same name replaces an older one."""
    chosen, form = _sent(request), SavedSearchForm(request.POST)
    if not chosen.given:
        messages.error(request, _("Nothing was saved: choose a filter first."))
    elif not form.is_valid():
        messages.error(request, _("Nothing was saved: give a name of at most 60 characters."))
    elif not saved_searches.save(
        request.user, form.cleaned_data["name"], chosen.given, page=Page.GALLERY
    ):
        messages.error(
            request,
            _("Nothing was saved: you keep %(count)d views. Delete one first.")
            % {"count": saved_searches.MOST},
        )
    else:
        messages.success(request, _("The view is saved."))
    return _back(request)


@require_POST
@access.checked
def delete_view(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    search = get_object_or_404(request.user.saved_searches, uuid=uuid, page=Page.GALLERY)
    saved_searches.delete(search)
    messages.success(request, _("The saved view is deleted."))
    return see_other("gallery")


def _sent(request: SignedInRequest) -> Filter:
    """The filter that a form of the gallery carries."""
    return Filter.of(QueryDict(request.POST.get("query", "")[:4000]))


def _back(request: SignedInRequest) -> HttpResponse:
    return see_other("gallery", **_sent(request).given)
