from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 once the web process serves; asks nothing of database or broker."""
    return HttpResponse("ok", content_type="text/plain")
