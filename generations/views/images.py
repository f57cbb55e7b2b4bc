"""One image: its page and its files. A file without a label is given only for a stated reason."""

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import access, audit
from accounts.audit import readings
from accounts.http import SignedInRequest
from accounts.identifiers import uuid_of
from accounts.models import User
from generations import downloads, submission
from generations.conversions import sizes_of
from generations.forms import OriginalForm
from generations.forms.asking import offer_after
from generations.imaging import extension
from generations.labelling import PREVIEW
from generations.models import FormerRendition, Image, Reference, Rendition
from generations.paths import image_path, rendition_path
from generations.reading import detail
from generations.reading.lineage import made_with
from generations.reading.neighbours import OF_RUN, Listing, listing_behind, listing_of
from generations.views.files import REDIRECT_KEPT, answer, trouble_told
from generations.views.rendering import is_partial, page_or_fragment, see_other, see_other_path


@require_safe
@access.checked
def image(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """An image and all that is known about it, as a page or as the fragment for the dialog."""
    if erased := Image.objects.erased_of(request.user).filter(uuid=uuid).first():
        return render(request, "generations/image_erased.html", {"image": erased}, status=410)
    images = _visible_to(request.user).select_related(
        "run__user", "run__campaign", "generation__price"
    )
    found = get_object_or_404(images.prefetch_related("renditions"), uuid=uuid)
    readings.note_prompts_seen(request.user, [found.author_id], where="image")
    listing = _listing(request)
    context = {
        "detail": detail.detail_of(found, viewer=request.user, listing=listing),
        "sizes": sizes_of(found),
        "link": request.build_absolute_uri(image_path(found.uuid)),
        **_offers(request.user, found),
    }
    response = page_or_fragment(
        request, "generations/image.html", "generations/_image.html", context
    )
    if is_partial(request) and "in" not in request.GET and listing.as_query:
        response["HX-Push-Url"] = listing.path(found.uuid)
    return response


def _offers(user: User, image: Image) -> dict[str, Any]:
    """What `user` may have made from the image, with prices; a run once for each drawn button."""
    if not access.may_make(user):
        return {}
    return {
        "key": uuid4(),
        "variation": submission.variation_of(image.run, actor=user),
        "may_be_reference": detail.can_be_reference() and not image.run.erased_at,
        "reference_price": detail.reference_price(),
    }


@require_POST
@access.checked
def variation(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Ask for more images like this one: the same prompt and options, and another seed."""
    found = get_object_or_404(_visible_to(request.user).select_related("run__campaign"), uuid=uuid)
    key = uuid_of(request.POST.get("key", ""))
    if key is None:
        messages.error(request, _("Nothing was made or charged. Reload the page and press again."))
        return see_other_path(image_path(found.uuid))
    try:
        with submission.refusals_of_more(found.run, actor=request.user):
            submission.vary(found.run, key=key, actor=request.user)
    except submission.REFUSALS as refused:
        messages.error(request, str(refused.message))
        offer = offer_after(refused, user=request.user, path=request.path, run=found.run)
        if offer:
            return see_other("credits", mark=offer.mark)
        return see_other_path(image_path(found.uuid))
    return see_other("studio")


@require_safe
@access.checked
def uses(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """The newest images that were made with this one as a reference, or with its prompt."""
    found = get_object_or_404(_visible_to(request.user), uuid=uuid)
    cards, authors, more = made_with(found, viewer=request.user)
    readings.note_prompts_seen(request.user, authors, where="image")
    context = {"image": found, "cards": cards, "more": more}
    return render(request, "generations/image_uses.html", context)


def _listing(request: SignedInRequest) -> Listing:
    """The list that the address names, or else that of the page with the link."""
    if "in" in request.GET:
        return listing_of(request.GET)
    origin = f"{request.scheme}://{request.get_host()}/"
    came_from = str(request.htmx.current_url or "") or request.headers.get("Referer", "")
    return listing_behind(came_from) if came_from.startswith(origin) else OF_RUN


@require_GET
@access.checked
@trouble_told
def download(request: SignedInRequest, uuid: UUID) -> HttpResponseBase:
    """The labelled image in full size, as a download."""
    found = get_object_or_404(_visible_to(request.user).select_related("run"), uuid=uuid)
    try:
        return answer(downloads.labelled(found, actor=request.user))
    except Rendition.DoesNotExist as error:
        raise Http404 from error


@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
@trouble_told
def original(request: SignedInRequest, uuid: UUID) -> HttpResponseBase:
    """The original without a label, for people who have the right and give a reason."""
    found = get_object_or_404(_visible_to(request.user).select_related("run"), uuid=uuid)
    form = OriginalForm(request.POST or None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        context = {"form": form, "image": found}
        return render(request, "generations/original.html", context, status=status)
    reason = form.cleaned_data["reason"]
    return answer(downloads.original(found, actor=request.user, reason=reason))


@require_safe
@access.checked
@trouble_told
def rendition(request: SignedInRequest, uuid: UUID, extension: str) -> HttpResponseBase:
    """A labelled file. It never changes, so the browser may keep it.

    The address of a file that was replaced leads to the one that replaced it.
    """
    found = _renditions(request.user).filter(uuid=uuid).first()
    if found is None:
        return _to_successor(request.user, uuid)
    if extension != _extension(found):
        raise Http404
    try:
        return answer(downloads.shown(found))
    except FileNotFoundError:  # it may have been replaced a moment ago
        if Rendition.objects.filter(pk=found.pk).exists():
            raise
        return _to_successor(request.user, uuid)


def _to_successor(user: User, uuid: UUID) -> HttpResponseRedirect:
    former = get_object_or_404(_of_visible(FormerRendition.objects.all(), user), uuid=uuid)
    new = get_object_or_404(former.image.renditions, recipe=former.recipe)
    response = HttpResponseRedirect(rendition_path(new.uuid, new.format))
    response["Cache-Control"] = REDIRECT_KEPT  # that file may be replaced too
    return response


@require_safe
@access.checked
@trouble_told
def reference(request: SignedInRequest, uuid: UUID) -> HttpResponseBase:
    """A reference. For an image made in the studio, the answer is its labelled preview.

    An upload can't be shown before it is cleaned.
    """
    found = _references(request.user).filter(uuid=uuid).first()
    if found and not found.is_ready:
        raise Http404
    if found and found.image_id is None:
        return answer(downloads.shown_reference(found))
    of_image = {"image": found.image_id} if found else {"image__uuid": uuid}
    preview = get_object_or_404(_renditions(request.user), **of_image, recipe=PREVIEW.name)
    return answer(downloads.shown(preview))


def _visible_to(user: User) -> QuerySet[Image]:
    return Image.objects.visible_to(user)


def _renditions(user: User) -> QuerySet[Rendition]:
    """The labelled files that `user` may see. Stories show them to who reads the whole log."""
    return _of_visible(Rendition.objects.select_related("image__run"), user)


def _of_visible(files: QuerySet[Any], user: User) -> QuerySet[Any]:
    """Those of images in the gallery or its bin; reviewers also see what was hidden long ago."""
    if audit.reads_whole_log(user):
        return files.filter(image__erased_at__isnull=True)
    if user.has_perm(access.READ_LOG):
        return files.filter(image__team=user.team_id, image__erased_at__isnull=True)
    return files.filter(image__in=Image.objects.with_files_for(user))


def _references(user: User) -> QuerySet[Reference]:
    """The references that `user` may see. Stories show them to who reads the whole log."""
    every = Reference.objects.all()
    return every if audit.reads_whole_log(user) else every.visible_to(user)


def _extension(found: Rendition) -> str:
    return extension(found.format)
