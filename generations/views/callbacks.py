"""Addresses for providers, which show a token instead of a session."""

import hashlib

from django.core.signing import BadSignature
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import tallies
from accounts.events import Event
from accounts.http import caller
from generations.jobs import webhooks
from generations.jobs.execution import outgoing, requests
from generations.models import Generation, RunReference
from generations.providers.errors import WebhookForged
from generations.providers.types import WebhookCall
from generations.storage import FileDamaged, StorageAway
from generations.views.files import RETRY_SECONDS


@require_safe
def reference_link(request: HttpRequest, token: str) -> HttpResponse:
    """A reference for the provider of one generation, as long as the provider may need it.

    The image leaves the studio without a label, so each fetch is on the record.
    """
    try:
        generation_uuid, row_pk = requests.read_reference_token(token)
    except (BadSignature, ValueError) as error:
        raise Http404 from error
    alive = Generation.objects.filter(status__in=requests.LINK_LIVES).select_related("run")
    generation = get_object_or_404(alive, uuid=generation_uuid)
    rows = RunReference.objects.select_related("reference")
    row = get_object_or_404(rows, pk=row_pk, run_id=generation.run_id)
    try:
        file = outgoing.read(row.reference)
    except (FileNotFoundError, FileDamaged) as error:
        raise Http404 from error
    except StorageAway:
        return HttpResponse(status=503, headers={"Retry-After": str(RETRY_SECONDS)})
    _note_fetch(request, row, generation, file.data)
    response = HttpResponse(file.data, content_type=file.mime_type)
    response["X-Robots-Tag"] = "noindex"
    response["Cache-Control"] = "no-store, private"
    return response


def _note_fetch(
    request: HttpRequest, row: RunReference, generation: Generation, data: bytes
) -> None:
    who = caller(request)
    is_new = tallies.note(
        Event.REFERENCE_FETCHED,
        address=who["ip"],
        subject=row.reference,
        story=generation.run.uuid,
        facts={
            "sha256": hashlib.sha256(data).hexdigest(),
            "generation": str(generation.uuid),
            "meant_for": generation.provider,
        },
        personal=who,
    )
    if is_new:
        RunReference.objects.filter(pk=row.pk).update(fetches=F("fetches") + 1)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    """A provider reports an event. The studio confirms it by an authenticated read.

    Answers 200 for a valid call, 404 for an unknown address, and 403 for a call that the provider
    did not make.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        webhooks.receive(provider, token, WebhookCall(request.body, headers))
    except webhooks.UnknownAddress as error:
        tallies.count_nameless(Event.WEBHOOK_FORGED)
        raise Http404 from error
    except WebhookForged:
        _note_forgery(request, token)
        return HttpResponseForbidden()
    return HttpResponse(status=200)


def _note_forgery(request: HttpRequest, token: str) -> None:
    """Record a call to a generation's real webhook address that its provider did not make."""
    runs = Generation.objects.select_related("run")
    generation = runs.get(uuid=requests.read_webhook_token(token))
    who = caller(request)
    tallies.note(
        Event.WEBHOOK_FORGED,
        address=who["ip"],
        subject=generation,
        story=generation.run.uuid,
        facts={"provider": generation.provider},
        personal=who,
    )
