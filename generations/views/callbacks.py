"""What providers fetch or call, by a token instead of a session."""

from django.core.signing import BadSignature
from django.db import transaction
from django.db.models import F, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts import audit
from accounts.events import Event
from generations import storage, webhooks
from generations.execution import requests
from generations.imaging import mime_type
from generations.models import Generation, RunReference
from generations.providers.errors import WebhookForged
from generations.providers.types import WebhookCall
from generations.states import OPEN, Status


@require_safe
def reference_link(request: HttpRequest, token: str) -> FileResponse:
    """A reference for the provider of one generation, until that generation ends."""
    try:
        generation_uuid, row_pk = requests.read_reference_token(token)
    except (BadSignature, ValueError) as error:
        raise Http404 from error
    may_need_it = Q(status__in=OPEN) | Q(status=Status.UNKNOWN)
    generation = get_object_or_404(Generation, may_need_it, uuid=generation_uuid)
    row = get_object_or_404(RunReference, pk=row_pk, run_id=generation.run_id)
    _count_fetch(row, generation)
    response = FileResponse(
        storage.originals().open(row.reference.name), content_type=mime_type(row.reference.format)
    )
    response["X-Robots-Tag"] = "noindex"
    response["Cache-Control"] = "no-store, private"
    return response


@transaction.atomic
def _count_fetch(row: RunReference, generation: Generation) -> None:
    """Count it; the first time is on the record, for an unlabelled picture has left the studio."""
    RunReference.objects.filter(pk=row.pk).update(fetches=F("fetches") + 1)
    if row.fetches == 0:
        audit.record(
            Event.REFERENCE_FETCHED,
            actor=None,
            subject=row.reference,
            story=generation.run.uuid,
            facts={"sha256": row.reference.sha256, "provider": generation.provider},
        )


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    """A provider says that something happened: an authenticated read follows.

    204 when it was understood, news or not; 404 for an address that is nobody's and 403 for a call
    that its provider did not make.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        webhooks.receive(provider, token, WebhookCall(request.body, headers))
    except webhooks.UnknownAddress as error:
        raise Http404 from error
    except WebhookForged:
        return HttpResponseForbidden()
    return HttpResponse(status=204)
