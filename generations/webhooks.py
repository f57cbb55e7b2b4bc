"""Calls of providers to our webhook: proven, kept once, and followed by an authenticated read.

A call moves nothing. It makes the next read of its task due at once, or, where the answer to a
submit was lost, offers the task id that this read may prove.
"""

import time
from datetime import timedelta

from django.core.signing import BadSignature
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations import hints
from generations.execution import requests
from generations.models import Generation, ProviderAccount, WebhookEvent
from generations.providers import registry
from generations.providers.base import ImageProvider
from generations.providers.errors import Misconfigured, WebhookForged
from generations.providers.types import WebhookCall
from generations.states import ENDED, Status

KEPT = timedelta(days=30)


class UnknownAddress(Exception):
    """No generation was ever given this address."""


def receive(provider: str, token: str, call: WebhookCall) -> bool:
    """Take a call to the address of `provider` and `token`; False when its news is not new.

    Raises `UnknownAddress` or `WebhookForged`; both are counted, and nothing else happens.
    """
    try:
        generation = _generation(provider, token)
        news = _adapter(generation).read_webhook(call, now=time.time())
    except (UnknownAddress, WebhookForged):
        _count_refused(provider, token)
        raise
    with transaction.atomic():
        event, is_new = WebhookEvent.objects.get_or_create(
            generation=generation,
            event_id=news.event_id[:200],
            defaults={"task_id": news.task_id[:600], "body": call.body},
        )
        if is_new:
            _make_due(generation, event)
    return is_new


def prune() -> int:
    """Forget the bodies of calls that nobody needs any more; gives how many."""
    old = WebhookEvent.objects.filter(
        received_at__lt=timezone.now() - KEPT, generation__status__in=ENDED
    )
    return old.delete()[0]


def _generation(provider: str, token: str) -> Generation:
    try:
        generation_uuid = requests.read_webhook_token(token)
    except (BadSignature, ValueError) as error:
        raise UnknownAddress from error
    found = Generation.objects.select_related("account")
    generation = found.filter(uuid=generation_uuid, provider=provider).first()
    if generation is None or generation.account is None:
        raise UnknownAddress
    return generation


def _adapter(generation: Generation) -> ImageProvider:
    """The adapter with the key that submitted it: some signatures are made with that."""
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
    if mine.filter(status__in=(Status.SUBMITTING, Status.UNKNOWN)).exists():
        WebhookEvent.objects.filter(pk=event.pk).update(next_action_at=now)
        hints.hint(hints.ADOPT, event.pk)


def _count_refused(provider: str, token: str) -> None:
    """On the account that the address belongs to; for an address of nobody's, on the first."""
    try:
        generation: Generation | None = _generation(provider, token)
    except UnknownAddress:
        generation = None
    accounts = ProviderAccount.objects.filter(provider=provider).order_by("slot")
    account = generation.account if generation else accounts.first()
    if account:
        counted = ProviderAccount.objects.filter(pk=account.pk)
        counted.update(webhooks_refused=F("webhooks_refused") + 1)
