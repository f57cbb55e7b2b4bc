"""Images in another size or format: to ask for, to wait for, to download."""

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.http import SignedInRequest
from generations import conversions, downloads
from generations.conversions import ORIGINAL, ConversionRefused
from generations.labelling import FULL
from generations.models import Conversion, Image
from generations.paths import download_path
from generations.views.files import answer, trouble_told
from generations.views.rendering import is_partial, page_or_fragment, see_other_path

State = Conversion.State
# After this long, the page no longer asks by itself whether the file is ready.
WATCHED = timedelta(minutes=10)


@require_POST
@access.checked
def convert(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Ask for the image in a size and format; leads to where the file is or will be."""
    image = get_object_or_404(_images(request), uuid=uuid)
    size, image_format = request.POST.get("size", ""), request.POST.get("format", "")
    full = image.renditions.filter(recipe=FULL.name).first()
    if full and size == ORIGINAL and image_format == full.format:
        if not is_partial(request):
            return see_other_path(download_path(image.uuid))
        return render(request, "generations/_conversion.html", {"href": download_path(image.uuid)})
    try:
        made = conversions.ask(image, size=size, image_format=image_format, actor=request.user)
    except ConversionRefused as refused:
        return _drawn(request, image, {"refusal": str(refused)}, status=422)
    if is_partial(request):
        return _drawn(request, image, _standing(made))
    return see_other_path(made.get_absolute_url())


@require_safe
@access.checked
def conversion(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Whether the file is ready: as a page, or as the fragment that asks again until it is."""
    found = get_object_or_404(
        Conversion.objects.visible_to(request.user).select_related("image"), uuid=uuid
    )
    return _drawn(request, found.image, _standing(found))


@require_safe
@access.checked
@trouble_told
def download(request: SignedInRequest, uuid: UUID) -> HttpResponseBase:
    """The file, as a download; if it is not there, the page that says what to do."""
    found = get_object_or_404(
        Conversion.objects.visible_to(request.user).select_related("image__run"), uuid=uuid
    )
    if found.state != State.READY:
        return see_other_path(found.get_absolute_url())
    return answer(downloads.converted(found, actor=request.user))


def _images(request: SignedInRequest) -> QuerySet[Image]:
    return Image.objects.visible_to(request.user).select_related("run", "team")


def _standing(found: Conversion) -> dict[str, object]:
    is_watched = timezone.now() - found.created_at < WATCHED
    return {"conversion": found, "is_watched": is_watched and found.state == State.WAITING}


def _drawn(
    request: SignedInRequest, image: Image, about: dict[str, object], *, status: int = 200
) -> HttpResponse:
    context = {"image": image, "sizes": conversions.sizes_of(image), **about}
    response = page_or_fragment(
        request, "generations/conversion.html", "generations/_conversion.html", context
    )
    response.status_code = status
    return response
