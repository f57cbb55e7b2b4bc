"""Health checks: whether this process answers, and whether the studio can do its work."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generations import readiness


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the web process works. Uses neither database nor broker."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 if every part works, else 503: `{"ok": …, "checks": {name: {"ok": …, "detail":
    …}}}`.

    Anybody may call it at any rate, because a process runs the checks at most every two seconds.
    """
    found = readiness.look()
    ok = all(finding.ok for finding in found.values())
    checks = {name: {"ok": each.ok, "detail": each.detail} for name, each in found.items()}
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"ok": ok, "checks": checks}, status=status)
