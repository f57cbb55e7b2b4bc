"""Submit: claim, write down, send once, keep the answer.

What the row holds before the first byte decides what may be done after a crash: a token, the
time, and for engines that take an idempotency key the key and the very bytes of the body.
"""

import logging
import random
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from generations import dispatch, lifecycle
from generations.execution import arriving, requests
from generations.models import Generation
from generations.providers import registry
from generations.providers.base import ImageProvider
from generations.providers.errors import (
    Code,
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    Refused,
)
from generations.providers.types import Accepted, Engine, Payload, Result
from generations.states import Status

log = logging.getLogger(__name__)

BACKOFF_SECONDS = 1
BACKOFF_MOST_SECONDS = 128


def submit_all(worker: str) -> int:
    """Submit whatever may go now, one after the other; gives the number submitted."""
    submitted = 0
    while generation := dispatch.claim_next(worker):
        try:
            submit(generation)
        except Exception:
            log.exception("submit of %s broke off", generation.uuid)
            _after_accident(generation)
        submitted += 1
    return submitted


def submit(generation: Generation) -> None:
    """Send a claimed generation to its provider and write down what came of it."""
    account = generation.account
    assert account is not None  # noqa: S101  # a claimed row has one
    try:
        adapter = registry.adapter(account.provider, account.slot)
        engine = registry.engine(generation.run.engine)
        payload = _payload(generation, adapter, engine)
    except (Misconfigured, KeyError):
        _fail(generation, Refused(code=Code.ENGINE_MISSING))
        return
    if not _write_down(generation, payload, engine):
        return  # someone else decided on this row meanwhile
    try:
        answer = adapter.submit(
            payload,
            timeout=engine.capabilities.submit_timeout_seconds,
            idempotency_key=generation.idempotency_key,
        )
    except ProviderError as error:
        _after_error(generation, error, engine)
    else:
        dispatch.note_success(account)
        _after_answer(generation, answer, engine)


def _payload(generation: Generation, adapter: ImageProvider, engine: Engine) -> Payload:
    """The exact request: built once, and for a keyed engine the same bytes ever after."""
    payload = adapter.build_submit(requests.request_of(generation))
    if generation.body and engine.capabilities.takes_idempotency_key:
        return Payload(path=payload.path, body=bytes(generation.body), headers=payload.headers)
    return payload


def _write_down(generation: Generation, payload: Payload, engine: Engine) -> bool:
    facts: dict[str, Any] = {"submitted_at": timezone.now()}
    if engine.capabilities.takes_idempotency_key:
        facts |= {
            "idempotency_key": generation.idempotency_key or str(generation.submit_token),
            "body": payload.body,
        }
    mine = Generation.objects.filter(
        pk=generation.pk, status=Status.SUBMITTING, submit_token=generation.submit_token
    )
    if not mine.update(**facts):
        return False
    generation.refresh_from_db()
    return True


def _after_answer(generation: Generation, answer: Accepted | Result, engine: Engine) -> None:
    if isinstance(answer, Result):
        arriving.accept(generation, answer, expect=_LATE, guard=_mine(generation))
        return
    now = timezone.now()
    scale = settings.PROVIDER_TIME_SCALE
    schedule = poll_schedule(engine, generation)
    cancelled = Generation.objects.filter(pk=generation.pk, cancel_asked_at__isnull=False).exists()
    lifecycle.move(
        generation,
        Status.RUNNING,
        expect=_LATE,
        guard=_mine(generation),
        facts={"task_id": answer.task_id, "provider_request_id": answer.request_id},
        changes={
            "task_id": answer.task_id,
            "task_urls": dict(answer.urls),
            "request_id": answer.request_id,
            "claimed_by": "",
            "retrying_since": None,
            "next_action_at": now + timedelta(seconds=0 if cancelled else schedule.first * scale),
            "deadline_at": now + timedelta(seconds=engine.capabilities.deadline_seconds * scale),
        },
    )


# A late answer is welcome even after the row was given up as unknown.
_LATE = (Status.SUBMITTING, Status.UNKNOWN)


def _mine(generation: Generation) -> Q:
    return Q(submit_token=generation.submit_token)


def _after_error(generation: Generation, error: ProviderError, engine: Engine) -> None:
    log.warning("submit of %s failed: %s", generation.uuid, error)
    account = generation.account
    assert account is not None  # noqa: S101  # a claimed row has one
    if isinstance(error, Refused):
        _fail(generation, error)
        return
    dispatch.note_failure(account, str(error))
    if isinstance(error, OutcomeUnknown) and not engine.capabilities.takes_idempotency_key:
        _unknown(generation, error)
    else:
        # Not sent, surely not taken, or to be sent again with the same key.
        _put_back(generation, error)


def _after_accident(generation: Generation) -> None:
    """An error nobody foresaw: what may be done depends on whether a byte had gone out."""
    generation.refresh_from_db()
    if generation.status != Status.SUBMITTING:
        return
    if generation.submitted_at is None:
        _put_back(generation, NotSent(code=Code.BAD_RESPONSE))
    elif generation.idempotency_key:
        _put_back(generation, OutcomeUnknown())
    else:
        _unknown(generation, OutcomeUnknown())


def _put_back(generation: Generation, error: ProviderError) -> None:
    now = timezone.now()
    since = generation.retrying_since or now
    patience = timedelta(seconds=settings.PROVIDER_RETRY_SECONDS * settings.PROVIDER_TIME_SCALE)
    if generation.attempt >= settings.PROVIDER_MAX_ATTEMPTS or now - since > patience:
        if isinstance(error, OutcomeUnknown):
            _unknown(generation, error)
        else:
            _fail(generation, error)
        return
    lifecycle.move(
        generation,
        Status.QUEUED,
        guard=_mine(generation),
        facts=_error_facts(error),
        changes={
            "claimed_by": "",
            "retrying_since": since,
            "next_action_at": now + timedelta(seconds=wait_seconds(generation.attempt, error)),
            **error_columns(error),
        },
    )


def wait_seconds(attempt: int, error: ProviderError) -> float:
    """Seconds until the next attempt: what the provider asked, else 1, 2, 4 … with full jitter."""
    if error.retry_after is not None:
        return error.retry_after
    ceiling = min(BACKOFF_SECONDS * 2 ** (attempt - 1), BACKOFF_MOST_SECONDS)
    return random.uniform(0, ceiling) * settings.PROVIDER_TIME_SCALE  # noqa: S311  # no secret


def _fail(generation: Generation, error: ProviderError) -> None:
    lifecycle.move(
        generation,
        Status.FAILED,
        guard=_mine(generation),
        facts=_error_facts(error),
        changes=error_columns(error),
    )


def _unknown(generation: Generation, error: ProviderError) -> None:
    lifecycle.move(
        generation,
        Status.UNKNOWN,
        guard=_mine(generation),
        facts=_error_facts(error),
        changes={"claimed_by": "", "next_action_at": None, **error_columns(error)},
    )


def error_columns(error: ProviderError) -> dict[str, str]:
    return {
        "error_code": str(error.code),
        "error_raw_code": error.raw_code[:200],
        "error_message": error.message[:2000],
        **({"request_id": error.request_id[:200]} if error.request_id else {}),
    }


def _error_facts(error: ProviderError) -> dict[str, str]:
    return {
        "error": str(error.code),
        "provider_code": error.raw_code[:200],
        "provider_request_id": error.request_id[:200],
    }


def poll_schedule(engine: Engine, generation: Generation) -> Any:
    """First poll and interval, in seconds, for this generation's resolution."""
    polls = engine.capabilities.polls
    return polls.get(generation.run.options.get("resolution", "")) or next(iter(polls.values()))
