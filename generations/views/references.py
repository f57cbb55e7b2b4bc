"""References of the composer: uploads, their rights, and the library."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.http import SignedInRequest, takes_body
from generations import submission
from generations.forms import tray
from generations.forms.fields import images_of_team
from generations.imaging import UnusableImage
from generations.models import Reference
from generations.reading import gallery, library
from generations.storage import StorageAway
from generations.submission import SubmissionRefused
from generations.views.rendering import page_or_fragment, see_other
from generations.views.studio import show_composer
from generations.views.uploads import MOST_BYTES, expect_files


@takes_body(MOST_BYTES)
@csrf_exempt  # `_received` checks the token after the permissions: the check reads the files
@require_POST
@access.checked
def upload(request: SignedInRequest) -> HttpResponse:
    """Keep the files `references` until a run uses them.

    A script gets JSON with the identifier of each, or with what is wrong with it. Without scripts,
    the whole composer is sent, and the answer is the page with the files as references.
    """
    expect_files(request)
    return _received(request)


@csrf_protect
def _received(request: SignedInRequest) -> HttpResponse:
    files = request.FILES.getlist("references")
    received = [_receive(request, file) for file in files[: tray.MOST_AT_ONCE]]
    notes = [each["problem"] for each in received if "problem" in each] or _notes(files)
    if request.accepts("text/html"):
        uuids = [each["uuid"] for each in received if "uuid" in each]
        return show_composer(request, tray.with_more(request.POST, uuids), notes=notes)
    return JsonResponse({"files": received, "notes": notes}, status=200 if files else 400)


def _receive(request: SignedInRequest, file: UploadedFile) -> dict[str, Any]:
    try:
        received = submission.receive(request.user, file)
    except (UnusableImage, SubmissionRefused) as error:
        problem = _("“%(name)s” can't be used. %(why)s")
        return {"problem": problem % {"name": file.name, "why": error.message}}
    return {"uuid": str(received.reference.uuid), "known": received.is_known}


def _notes(files: list[UploadedFile]) -> list[str]:
    if not files:
        return [_("No file has arrived. Choose it again.")]
    if len(files) <= tray.MOST_AT_ONCE:
        return []
    message = ngettext(
        "Only the first %(most)d file was taken. Add the others in a second step.",
        "Only the first %(most)d files were taken. Add the others in a second step.",
        tray.MOST_AT_ONCE,
    )
    return [message % {"most": tray.MOST_AT_ONCE}]


@takes_body(MOST_BYTES)
@require_POST
@access.checked
def declare(request: SignedInRequest) -> HttpResponse:
    """Declare the rights to the references of the composer that lack them."""
    given = request.POST.copy()
    named = images_of_team(given.getlist("references")[: tray.MOST], request.user)
    uploads = [each for each in named.values() if isinstance(each, Reference)]
    rights = {name: given.get(name, "").strip() for name in ("rights", "licence")}
    try:
        submission.declare_rights(request.user, uploads, **rights)
    except SubmissionRefused as error:
        return show_composer(request, given, notes=[error.message])
    for name in rights:
        given.pop(name, None)
    return show_composer(request, given)


@require_safe
@access.checked
def references(request: SignedInRequest) -> HttpResponse:
    """The library: what the team has used before, or the images of its gallery."""
    chosen = request.GET
    asked = library.Asked(
        source=library.IMAGES if chosen.get("source") == library.IMAGES else library.USED,
        query=chosen.get("q", "").replace("\0", "").strip()[: library.LONGEST_QUERY],
        person=chosen.get("person", ""),
    )
    cursor = chosen.get("before", "")
    context = {
        "page": library.page(request.user, asked, cursor=cursor),
        "asked": asked,
        "is_continued": bool(cursor),
        "people": gallery.people_of(request.user),
        "longest_query": library.LONGEST_QUERY,
    }
    fragment = "_library_page" if cursor else "_library"
    return page_or_fragment(
        request, "generations/library.html", f"generations/{fragment}.html", context
    )


@require_POST
@access.checked
def remove(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Remove one's own upload that no run has used. Pressed twice, it does nothing more."""
    waiting = Reference.objects.visible_to(request.user).waiting_for(request.user)
    with suppress(StorageAway):  # the row says that it is removed; a worker deletes the file
        submission.remove(get_object_or_404(waiting, uuid=uuid), actor=request.user)
    return see_other("references")
