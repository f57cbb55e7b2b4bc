"""What labels say: those of an image of the studio, and those of any file that somebody has."""

from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from accounts import access, audit
from accounts.events import Event
from accounts.http import SignedInRequest, takes_body
from generations import label_reading
from generations.forms import InspectionForm
from generations.forms.inspection import MAX_BYTES
from generations.imaging import one_at_a_time
from generations.labelling import FULL
from generations.labelling.inspecting.layers import Layers
from generations.models import Image
from generations.reading import inspection
from generations.reading import labels as reading
from generations.views.rendering import is_partial, page_or_fragment
from generations.views.uploads import MOST_BYTES, expect_files

# How long a person waits while other files are read in the same process.
WAIT_SECONDS = 20


@require_safe
@access.checked
def labels(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """What the labelled file of an image carries, read from the file.

    The card on the page of the image does not look at the pixels: it is drawn whenever somebody
    opens an image. The page of its own does.
    """
    images = Image.objects.visible_to(request.user)
    image = get_object_or_404(images.filter(renditions__recipe=FULL.name), uuid=uuid)
    card = reading.card_of(image, zone=request.user.tzinfo, pixels=not is_partial(request))
    context = {"card": card, "image": image}
    return page_or_fragment(
        request, "generations/image_labels.html", "generations/_labels.html", context
    )


@takes_body(MOST_BYTES)
@csrf_exempt  # `_inspected` checks the token after the permissions: the check reads the file
@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
def inspect(request: SignedInRequest) -> HttpResponse:
    """What is in a file, and whether it is an image of the studio. Nothing of the file is kept."""
    if request.method != "POST":
        return _page(request, InspectionForm())
    expect_files(request, most=MAX_BYTES)
    return _inspected(request)


@csrf_protect
def _inspected(request: SignedInRequest) -> HttpResponse:
    form = InspectionForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    layers = _looked_into(form)
    if layers is None:
        form.add_error("file", _("The studio is busy with other files. Try again in a minute."))
        return _page(request, form, status=422)
    match = inspection.find(layers, viewer=request.user)
    _record(request, layers, match)
    answer = inspection.answer(layers, match, viewer=request.user)
    return _page(request, InspectionForm(), answer=answer)


def _looked_into(form: InspectionForm) -> Layers | None:
    """What the file says; None if this process is busy.

    This page and that of an image's labels decode pixels in a request. A worker could do it only if
    the file were kept for it, and this page promises to keep nothing. So each process reads one
    file at a time, bytes and pixels, which bounds its memory to one file of 64 MB and one image of
    40 million pixels, within the limits of `imaging`.
    """
    if not one_at_a_time.acquire(timeout=WAIT_SECONDS):
        return None
    try:
        return label_reading.look(form.cleaned_data["file"].read())
    finally:
        one_at_a_time.release()


@transaction.atomic
def _record(request: SignedInRequest, layers: Layers, match: inspection.Match | None) -> None:
    facts = {"sha256": layers.sha256, "bytes": layers.bytes, "format": layers.format}
    if match:
        facts |= {"found": match.how, "image": str(match.image.uuid)}
    audit.record(Event.FILE_INSPECTED, actor=request.user, subject=request.user, facts=facts)


def _page(
    request: SignedInRequest,
    form: InspectionForm,
    *,
    answer: inspection.Answer | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"form": form, "answer": answer}
    return render(request, "generations/inspect.html", context, status=status)
