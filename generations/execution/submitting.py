"""Submit: claim, write down, send once, keep the answer.

What the row holds before the first byte decides what may be done after a crash: a token, the
time, and for engines that take an idempotency key the key and the very bytes of the body.
"""

import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from generations import dispatch, hints, lifecycle, provider_health
from generations.execution import arriving, requests
from generations.execution.backoff import wait_seconds
from generations.models import Generation, ProviderAccount
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
    if _is_doubtful(generation) and _is_out_of_time(generation):
        # Providers forget idempotency keys: so late, the same key might be a second order.
        _unknown(generation, OutcomeUnknown())
        return
    if not _write_down(generation, payload, engine):
        return  # someone else decided on this row meanwhile
    try:
        answer = adapter.submit(
            payload,
            timeout=engine.capabilities.submit_timeout_seconds,
            idempotency_key=generation.idempotency_key,
            on_image=partial(arriving.take_early, generation),
        )
    except ProviderError as error:
        _after_error(generation, account, error, engine)
    else:
        provider_health.note_success(account)
        _after_answer(generation, account, answer, engine)


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


def _after_answer(
    generation: Generation, account: ProviderAccount, answer: Accepted | Result, engine: Engine
) -> None:
    if isinstance(answer, Accepted):
        _run(generation, answer, engine)
        return
    arriving.accept(generation, answer, expect=_LATE, guard=_mine(generation))
    if answer.balance:
        provider_health.note_balance(account, answer.balance)


def _run(generation: Generation, answer: Accepted, engine: Engine) -> None:
    now = timezone.now()
    scale = settings.PROVIDER_TIME_SCALE
    schedule = poll_schedule(engine, generation)
    cancelled = Generation.objects.filter(pk=generation.pk, cancel_asked_at__isnull=False).exists()
    lifecycle.move(
        generation,
        Status.RUNNING,
        expect=_LATE,
        guard=_mine(generation),
        facts={
            "task_id": answer.task_id,
            "provider_request_id": answer.request_id,
            "answer": {name: str(value) for name, value in answer.raw.items()},
        },
        changes={
            "task_id": answer.task_id,
            "task_urls": dict(answer.urls),
            "request_id": answer.request_id,
            "claimed_by": "",
            "retrying_since": None,
            "error_code": "",
            "next_action_at": now + timedelta(seconds=0 if cancelled else schedule.first * scale),
            "deadline_at": now + timedelta(seconds=engine.capabilities.deadline_seconds * scale),
        },
    )


# A late answer is welcome even after the row was given up as unknown.
_LATE = (Status.SUBMITTING, Status.UNKNOWN)


def _mine(generation: Generation) -> Q:
    return Q(submit_token=generation.submit_token)


def _after_error(
    generation: Generation, account: ProviderAccount, error: ProviderError, engine: Engine
) -> None:
    log.warning("submit of %s failed: %s", generation.uuid, error)
    if isinstance(error, Refused):
        _after_refusal(generation, account, error)
        return
    provider_health.note_failure(account, error)
    if isinstance(error, OutcomeUnknown) and not engine.capabilities.takes_idempotency_key:
        _unknown(generation, error)
    else:
        # Not sent, surely not taken, or to be sent again with the same key.
        _put_back(generation, error)


def _after_refusal(generation: Generation, account: ProviderAccount, error: Refused) -> None:
    """A key that is used up or refused is no reason to fail while another key can do the work."""
    others_can = provider_health.note_refusal(account, error)
    if error.code == Code.INSUFFICIENT_BALANCE:
        hints.hint(hints.BALANCE, account.pk)
    if _is_doubtful(generation):
        _unknown(generation, error)
    elif others_can:
        _put_back(generation, error)
    else:
        _fail(generation, error)


def _after_accident(generation: Generation) -> None:
    """An error nobody foresaw: what may be done depends on whether a byte had gone out."""
    generation.refresh_from_db()
    if generation.status != Status.SUBMITTING:
        return
    if generation.submitted_at is None and not _is_doubtful(generation):
        _put_back(generation, NotSent(code=Code.BAD_RESPONSE))
    elif generation.idempotency_key:
        _put_back(generation, OutcomeUnknown())
    else:
        _unknown(generation, OutcomeUnknown())


def _put_back(generation: Generation, error: ProviderError) -> None:
    doubtful = _is_doubtful(generation)
    if generation.attempt >= settings.PROVIDER_MAX_ATTEMPTS or _is_out_of_time(generation):
        if doubtful or isinstance(error, OutcomeUnknown):
            _unknown(generation, error)
        else:
            _fail(generation, error)
        return
    now = timezone.now()
    lifecycle.move(
        generation,
        Status.QUEUED,
        guard=_mine(generation),
        facts=_error_facts(error),
        changes={
            "claimed_by": "",
            "retrying_since": generation.retrying_since or now,
            "next_action_at": now + timedelta(seconds=wait_seconds(generation.attempt, error)),
            **({} if doubtful else error_columns(error)),
            # Surely not taken: another key may take it, with an idempotency key of its own.
            **({"idempotency_key": "", "body": None} if isinstance(error, Refused) else {}),
        },
    )


def _is_doubtful(generation: Generation) -> bool:
    """Whether an earlier attempt may have been taken: only its own key proves the contrary."""
    return bool(generation.idempotency_key) and generation.error_code == Code.OUTCOME_UNKNOWN


def _is_out_of_time(generation: Generation) -> bool:
    patience = timedelta(seconds=settings.PROVIDER_RETRY_SECONDS * settings.PROVIDER_TIME_SCALE)
    since = generation.retrying_since
    return since is not None and timezone.now() - since > patience


def _fail(generation: Generation, error: ProviderError) -> None:
    lifecycle.move(
        generation,
        Status.FAILED,
        guard=_mine(generation),
        facts=_error_facts(error),
        changes=error_columns(error),
    )


def _unknown(generation: Generation, error: ProviderError) -> None:
    """Nobody knows; but pictures that came before the answer broke off are an answer."""
    if kept := arriving.kept_answer(generation):
        arriving.accept(generation, kept, guard=_mine(generation))
        return
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
