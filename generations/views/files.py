"""Answers that carry a file, and pages for a file that can't be handed out."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from generations import downloads, storage

# A link to a bucket lives for 60 s. The redirect to it is kept for less, so that it is never old.
REDIRECT_KEPT = "private, max-age=45"
NEVER_CHANGES = "private, max-age=31536000, immutable"
NOT_KEPT = "no-store, private"
# When to ask again, while storage can't be reached.
RETRY_SECONDS = 30


def answer(file: downloads.File) -> HttpResponseBase:
    """The file itself or the way to it; with a name, it is saved and not kept by the browser."""
    if isinstance(file.source, str):
        redirect = HttpResponseRedirect(file.source)
        redirect["Cache-Control"] = NOT_KEPT if file.name else REDIRECT_KEPT
        redirect["Referrer-Policy"] = "no-referrer"
        return redirect
    response = FileResponse(
        file.source,
        as_attachment=bool(file.name),
        filename=file.name,
        content_type=file.mime_type,
    )
    response["Cache-Control"] = NOT_KEPT if file.name else NEVER_CHANGES
    return response


def trouble_told(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer with a page where storage has lost the file, has another one, or is away."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except FileNotFoundError as error:
            raise Http404 from error
        except storage.FileDamaged:
            return render(request, "generations/file_damaged.html", status=500)
        except storage.StorageAway:
            response = render(request, "generations/file_away.html", status=503)
            response["Retry-After"] = str(RETRY_SECONDS)
            return response

    return told
