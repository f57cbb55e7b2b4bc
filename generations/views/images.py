"""One image: its page and its files. Nothing leaves here without a label but for a reason given."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.files.storage import Storage
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.http import SignedInRequest
from accounts.models import User
from generations import downloads, storage
from generations.forms import OriginalForm
from generations.imaging import extension, mime_type
from generations.labelling import PREVIEW
from generations.models import Image, Reference, Rendition
from generations.reading import detail
from generations.views.rendering import page_or_fragment

SEE_ORIGINALS = "generations.download_original"


@require_safe
@login_required
def image(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """An image with all that is known of it, as a page or for the dialog."""
    images = _visible_to(request.user).select_related(
        "run__user", "run__campaign", "generation__price"
    )
    found = get_object_or_404(images.prefetch_related("renditions"), uuid=uuid)
    context = {
        "detail": detail.detail_of(found, viewer=request.user),
        "may_be_reference": detail.is_welcome_as_reference(),
    }
    return page_or_fragment(request, "generations/image.html", "generations/_image.html", context)


@require_GET
@login_required
def download(request: SignedInRequest, uuid: UUID) -> FileResponse:
    """The labelled picture in full, as a file."""
    found = get_object_or_404(_visible_to(request.user).select_related("run"), uuid=uuid)
    try:
        return _attachment(downloads.labelled(found, actor=request.user))
    except (FileNotFoundError, Rendition.DoesNotExist) as error:
        raise Http404 from error


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def original(request: SignedInRequest, uuid: UUID) -> HttpResponse | FileResponse:
    """The unlabelled original, for those who may and say why."""
    if not request.user.has_perm(SEE_ORIGINALS):
        raise Http404
    found = get_object_or_404(_visible_to(request.user).select_related("run"), uuid=uuid)
    form = OriginalForm(request.POST or None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        context = {"form": form, "image": found}
        return render(request, "generations/original.html", context, status=status)
    try:
        reason = form.cleaned_data["reason"]
        return _attachment(downloads.original(found, actor=request.user, reason=reason))
    except FileNotFoundError as error:
        raise Http404 from error


@require_safe
@login_required
def rendition(request: SignedInRequest, uuid: UUID, extension: str) -> FileResponse:
    """A labelled file. It never changes, so the browser may keep it."""
    found = get_object_or_404(Rendition, uuid=uuid, image__in=_visible_to(request.user))
    if extension != _extension(found):
        raise Http404
    return _inline(storage.renditions(), found)


@require_safe
@login_required
def reference(request: SignedInRequest, uuid: UUID) -> FileResponse:
    """A picture given to the model, or about to be: of an image of ours, the labelled preview."""
    found = Reference.objects.visible_to(request.user).filter(uuid=uuid).first()
    if found and found.image_id is None:
        return _inline(storage.originals(), found)
    of_image = {"image": found.image_id} if found else {"image__uuid": uuid}
    visible = _visible_to(request.user)
    preview = get_object_or_404(Rendition, **of_image, recipe=PREVIEW.name, image__in=visible)
    return _inline(storage.renditions(), preview)


def _visible_to(user: User) -> QuerySet[Image]:
    return Image.objects.visible_to(user)


def _extension(found: Rendition) -> str:
    return extension(found.format)


def _attachment(file: downloads.File) -> FileResponse:
    response = FileResponse(
        file.content, as_attachment=True, filename=file.name, content_type=file.mime_type
    )
    response["Cache-Control"] = "no-store, private"
    return response


def _inline(place: Storage, row: Rendition | Reference) -> FileResponse:
    try:
        content = place.open(row.name, "rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(content, content_type=mime_type(row.format))
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
