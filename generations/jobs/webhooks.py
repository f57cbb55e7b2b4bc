"""Webhook calls of providers: verified, stored once, and confirmed by a read.

A call changes no status. It makes the next poll of its task due at once. If the answer to the
submit was lost, it suggests a task id, which a read must confirm. A call to an address that the
studio never made costs no write and no query. Refused calls to a known address are counted in the
cache.
"""

import logging
import time
from datetime import timedelta

from django.core.cache import cache
from django.core.signing import BadSignature
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generations.jobs import hints
from generations.jobs.execution import late, requests
from generations.models import Generation, WebhookEvent
from generations.providers import registry
from generations.providers.base import ImageProvider
from generations.providers.errors import Misconfigured, WebhookForged
from generations.providers.types import WebhookCall
from generations.states import ENDED, Status

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
REFUSED_SECONDS = 7 * 24 * 3600


class UnknownAddress(Exception):
    """No generation has this address."""


def receive(provider: str, token: str, call: WebhookCall) -> bool:
    """Store a call to the address of `provider` and `token`; returns False if it was known already.

    Raises UnknownAddress, or WebhookForged, which is counted; neither changes anything else.
    """
    generation = _generation(provider, token)
    try:
        news = _adapter(generation).read_webhook(call, now=time.time())
    except WebhookForged:
        _count_refused(generation)
        raise
    if generation.run.erased_at:  # the event repeats what was sent
        return False
    with transaction.atomic():
        event, is_new = WebhookEvent.objects.get_or_create(
            generation=generation,
            event_id=news.event_id[:200],
            defaults={"task_id": news.task_id[:600], "body": call.body},
        )
        if is_new:
            _make_due(generation, event)
    return is_new


def refused_lately(account_pk: int) -> int:
    """The number of refused calls to this account's addresses, counted for seven days at a time."""
    return cache.get(_refused_key(account_pk), 0)


def prune() -> int:
    """Delete the calls of generations that have ended, after 30 days; returns how many."""
    old = WebhookEvent.objects.filter(
        received_at__lt=timezone.now() - KEPT, generation__status__in=ENDED
    )
    return old.delete()[0]


def _generation(provider: str, token: str) -> Generation:
    if provider not in registry.provider_names():
        raise UnknownAddress
    try:
        generation_uuid = requests.read_webhook_token(token)
    except (BadSignature, ValueError) as error:
        raise UnknownAddress from error
    found = Generation.objects.select_related("account", "run")
    generation = found.filter(uuid=generation_uuid, provider=provider).first()
    if generation is None or generation.account is None:
        raise UnknownAddress
    return generation


def _adapter(generation: Generation) -> ImageProvider:
    """The adapter with the key that submitted the generation: some providers sign calls with it."""
    account = generation.account
    assert account is not None  # noqa: S101  # `_generation` has seen to it
    try:
        return registry.adapter(account.provider, account.slot)
    except Misconfigured as error:
        raise UnknownAddress from error


def _make_due(generation: Generation, event: WebhookEvent) -> None:
    now = timezone.now()
    mine = Generation.objects.filter(pk=generation.pk)
    if mine.filter(status=Status.RUNNING).update(next_action_at=now):
        return
    unanswered = Q(status__in=(Status.QUEUED, Status.SUBMITTING))
    if mine.filter(unanswered | late.is_awaited()).exists():
        WebhookEvent.objects.filter(pk=event.pk).update(next_action_at=now)
        hints.hint(hints.ADOPT)


def _count_refused(generation: Generation) -> None:
    """Count in the cache only, because anyone who knows an address can call it without limit."""
    key = _refused_key(generation.account_id)
    try:
        cache.add(key, 0, REFUSED_SECONDS)
        cache.incr(key)
    except Exception:  # a failed count must not prevent the response
        log.warning("a refused webhook call could not be counted")


def _refused_key(account_pk: int | None) -> str:
    return f"webhooks-refused:{account_pk}"
