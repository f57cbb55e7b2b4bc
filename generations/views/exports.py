"""A person's exports: to ask for, to watch, to download, to delete.

Exports of the log and of labels stand on one page, ZIPs of images on another, because other people
may have them.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.http import HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.http import SignedInRequest, caller
from generations import downloads
from generations.exports import asking, ends
from generations.exports.images import IMAGES
from generations.exports.labels import LABELS
from generations.exports.log import LOG
from generations.exports.registry import file_name, format_of
from generations.forms import ExportForm, LabelReportForm
from generations.models import Export
from generations.reading import exports as reading
from generations.views import ranges
from generations.views.files import NOT_KEPT, answer, trouble_told
from generations.views.live import TAG, tagged
from generations.views.rendering import is_partial, see_other

OF_LOG, OF_IMAGES = (LOG.name, LABELS.name), (IMAGES.name,)
# The names of the addresses, by what `_exports.html` calls them.
LOG_URLS = {"list": "exports", "download": "export-download", "delete": "export-delete"}
ZIP_URLS = {"list": "zips", "download": "zip-download", "delete": "zip-delete"}


@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
def exports(request: SignedInRequest) -> HttpResponse:
    """The person's exports, newest first. POST asks for one; the filters are those of the log."""
    if request.method == "POST":
        form = ExportForm(request.POST, reader=request.user)
        if form.is_valid() and _is_asked(
            request, form, kind=LOG.name, format=form.cleaned_data["format"]
        ):
            return see_other("exports")
        return _page(request, form, status=422)
    if is_partial(request):
        return _list(request, kinds=OF_LOG, urls=LOG_URLS)
    query = request.GET.urlencode()
    return _page(request, ExportForm(initial={"query": query}, reader=request.user))


@require_safe
@access.checked
def zips(request: SignedInRequest) -> HttpResponse:
    """The person's ZIPs of images, newest first."""
    if is_partial(request):
        return _list(request, kinds=OF_IMAGES, urls=ZIP_URLS)
    before = request.GET.get("before", "")
    page = reading.page(request.user, kinds=OF_IMAGES, cursor=before)
    context = {"page": page, "before": before, "urls": ZIP_URLS}
    return render(request, "generations/zips.html", context)


def _list(
    request: SignedInRequest, *, kinds: Sequence[str], urls: Mapping[str, str]
) -> HttpResponse:
    """The list alone, or that it has not changed."""
    before = request.GET.get("before", "")
    page = reading.page(request.user, kinds=kinds, cursor=before)
    if request.headers.get(TAG) == page.tag:
        return tagged(HttpResponseNotModified(), page.tag)
    context = {"page": page, "before": before, "urls": urls}
    return tagged(render(request, "generations/_exports.html", context), page.tag)


@require_POST
@access.checked
def label_report(request: SignedInRequest) -> HttpResponse:
    """Ask for a label report, which then stands among the exports."""
    form = LabelReportForm(request.POST, reader=request.user)
    if form.is_valid() and _is_asked(request, form, kind=LABELS.name, format="csv"):
        return see_other("exports")
    blank = ExportForm(reader=request.user)
    return _page(request, blank, report=form, status=422)


def _is_asked(
    request: SignedInRequest, form: ExportForm | LabelReportForm, *, kind: str, format: str
) -> bool:
    """Ask for the export. If it is refused, the form says why."""
    try:
        asking.ask(request.user, kind=kind, format=format, options=form.options)
    except asking.ExportRefused as refused:
        form.add_error(None, str(refused))
        return False
    return True


def _page(
    request: SignedInRequest,
    form: ExportForm,
    *,
    report: LabelReportForm | None = None,
    status: int = 200,
) -> HttpResponse:
    before = request.GET.get("before", "")
    page = reading.page(request.user, kinds=OF_LOG, cursor=before)
    asked = {"campaign": request.GET.get("report", "")}
    report = report or LabelReportForm(initial=asked, reader=request.user)
    context = {"page": page, "form": form, "report": report, "before": before, "urls": LOG_URLS}
    return render(request, "generations/exports.html", context, status=status)


@require_safe
@access.checked
@trouble_told
def download(
    request: SignedInRequest, uuid: UUID, kinds: Sequence[str] = OF_LOG
) -> HttpResponseBase:
    """The file of an export, or a part of it. With storage that gives links, the way to it."""
    ready = Export.objects.visible_to(request.user).filter(
        state=Export.State.READY, expires_at__gt=timezone.now(), kind__in=kinds
    )
    export = get_object_or_404(ready, uuid=uuid)
    etag = f'"{export.sha256}"'
    try:
        part = ranges.asked_for(request, size=export.bytes, etag=etag)
    except ranges.Unsatisfiable:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{export.bytes}"
        return response
    if request.method == "HEAD":
        return _described(HttpResponse(), export, etag, part)
    start = part.start if part else 0
    file = downloads.exported(export, actor=request.user, start=start, caller=caller(request))
    if isinstance(file, downloads.File):
        return answer(file)
    length = len(part) if part else export.bytes
    return _described(StreamingHttpResponse(ranges.first_bytes(file, length)), export, etag, part)


def _described(
    response: HttpResponseBase, export: Export, etag: str, part: range | None
) -> HttpResponseBase:
    """Add what a browser needs to save the file, and to go on if it breaks off."""
    response["Content-Type"] = format_of(export).mime_type
    response["Content-Disposition"] = content_disposition_header(True, file_name(export)) or ""
    response["Content-Length"] = str(len(part) if part else export.bytes)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Cache-Control"] = NOT_KEPT
    if part:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{export.bytes}"
    return response


@require_POST
@access.checked
def delete(request: SignedInRequest, uuid: UUID, kinds: Sequence[str] = OF_LOG) -> HttpResponse:
    """Delete an export and its file, or stop its making."""
    own = Export.objects.visible_to(request.user).filter(kind__in=kinds)
    ends.delete(get_object_or_404(own, uuid=uuid), actor=request.user)
    return see_other("exports" if kinds == OF_LOG else "zips")
