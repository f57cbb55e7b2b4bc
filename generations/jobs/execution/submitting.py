"""Submitting: claim, write down, send once, keep the answer.

What the row holds before the first byte is sent decides what may be done after a crash: a token,
the time and, for engines that take an idempotency key, the key and the exact body. The provider's
answer is written before anything else is done. If the database does not accept it, the write is
repeated on a new connection for up to KEEP_SECONDS.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from generations.imaging import UnusableImage
from generations.jobs import dispatch, lifecycle, provider_health
from generations.jobs.execution import accidents, arriving, requests, setbacks, told
from generations.models import Generation, ProviderAccount
from generations.providers import registry
from generations.providers.base import ImageProvider
from generations.providers.capabilities import LONGEST_CALL_SECONDS, Engine
from generations.providers.errors import (
    Code,
    Misconfigured,
    OutcomeUnknown,
    ProviderError,
    Refused,
)
from generations.providers.types import Accepted, GenerationRequest, Payload, Result
from generations.states import Status
from generations.storage import FileDamaged

log = logging.getLogger(__name__)

# How long an answer is held in memory while the database or storage is away: as long as a worker
# that ends waits for what it has in hand.
KEEP_SECONDS = LONGEST_CALL_SECONDS

Outcome = Accepted | Result | ProviderError


def submit_next(worker: str, *, claimed: Callable[[], object] = lambda: None) -> bool:
    """Claim the next request and submit it; returns False if nothing may be sent.

    `claimed` is called between the claim and the submit.
    """
    generation = dispatch.claim_next(worker)
    if generation is None:
        return False
    claimed()
    try:
        submit(generation)
    except Exception as error:
        log.exception("submit of %s broke off", generation.uuid)
        setbacks.after_accident(generation, error)
    return True


def submit(generation: Generation) -> None:
    """Send a claimed generation to its provider and write down the outcome."""
    account = generation.account
    assert account is not None  # noqa: S101  # a claimed row has one
    try:
        adapter = registry.adapter(account.provider, account.slot)
        engine = registry.engine(generation.run.engine)
        request = requests.request_of(generation)
        payload = _payload(generation, adapter, engine, request)
    except (Misconfigured, KeyError):
        setbacks.fail(generation, Refused(code=Code.ENGINE_MISSING))
        return
    except (UnusableImage, FileDamaged):
        setbacks.fail(generation, Refused(code=Code.REFERENCE_REJECTED))
        return
    if setbacks.is_doubtful(generation) and setbacks.is_out_of_time(generation):
        # Providers forget idempotency keys after a while: the same key could become a second order.
        setbacks.unknown(generation, OutcomeUnknown())
        return
    # Safe to repeat even if a commit succeeded unnoticed, because nothing has been sent yet.
    facts = told.facts_of_request(generation, account, adapter, request, payload)
    about = (facts, told.text_of_request(payload))
    write_down = partial(_write_down, generation, payload, engine, about)
    if not accidents.with_retries(write_down, seconds=setbacks.PUT_RIGHT_SECONDS):
        return  # another process has changed this row in the meantime
    outcome = _send(generation, adapter, payload, engine)
    _keep_with_retries(generation, account, outcome, engine)
    _note(account, outcome, engine)


def _send(
    generation: Generation, adapter: ImageProvider, payload: Payload, engine: Engine
) -> Outcome:
    try:
        return adapter.submit(
            payload,
            timeout=engine.capabilities.submit_timeout_seconds,
            idempotency_key=generation.idempotency_key,
            on_image=partial(arriving.take_early, generation),
        )
    except ProviderError as error:
        return error


def _keep_with_retries(
    generation: Generation, account: ProviderAccount, outcome: Outcome, engine: Engine
) -> None:
    try:
        accidents.with_retries(
            partial(_keep, generation, account, outcome, engine), seconds=KEEP_SECONDS
        )
    except Exception:
        if isinstance(outcome, Accepted):
            # The log is the last place to keep it: an admin can give the task id by hand.
            log.error(
                "could not write down that %s is the task %s", generation.uuid, outcome.task_id
            )
        raise


def _keep(
    generation: Generation, account: ProviderAccount, outcome: Outcome, engine: Engine
) -> None:
    """Write down what the provider answered. Doing it twice does no harm."""
    if isinstance(outcome, Accepted):
        _run(generation, outcome, engine)
    elif isinstance(outcome, Result):
        arriving.accept(generation, outcome, expect=_LATE, guard=setbacks.mine(generation))
    else:
        setbacks.after_error(generation, account, outcome, engine)


def _note(account: ProviderAccount, outcome: Outcome, engine: Engine) -> None:
    """Note how the key fares. The answer is kept by now, so an error here loses only the note."""
    try:
        if isinstance(outcome, ProviderError):
            if not isinstance(outcome, Refused):
                provider_health.note_failure(account, outcome)
            return
        provider_health.note_success(account, engine.name)
        if isinstance(outcome, Result) and outcome.balance:
            provider_health.note_balance(account, outcome.balance)
    except Exception:
        accidents.reconnect()
        log.exception("the result of a submit could not be noted for %s", account)


def _payload(
    generation: Generation, adapter: ImageProvider, engine: Engine, request: GenerationRequest
) -> Payload:
    """The exact request. With an idempotency key, every later attempt sends the same bytes."""
    payload = adapter.build_submit(request)
    if generation.body and engine.capabilities.takes_idempotency_key:
        return Payload(path=payload.path, body=bytes(generation.body), headers=payload.headers)
    return payload


@transaction.atomic
def _write_down(
    generation: Generation,
    payload: Payload,
    engine: Engine,
    about: tuple[dict[str, Any], dict[str, Any]],
) -> bool:
    """Write the request down, on the row and on the record; False if the row was taken away."""
    facts, personal = about
    columns: dict[str, Any] = {"submitted_at": timezone.now()}
    if engine.capabilities.takes_idempotency_key:
        columns |= {
            "idempotency_key": generation.idempotency_key or str(generation.submit_token),
            "body": payload.body,
        }
    mine = Generation.objects.filter(
        pk=generation.pk, status=Status.SUBMITTING, submit_token=generation.submit_token
    )
    if not mine.update(**columns):
        return False
    for name, value in columns.items():  # nobody else has changed the row: its token is the same
        setattr(generation, name, value)
    audit.record(
        Event.GENERATION_REQUESTED,
        actor=None,
        subject=generation,
        story=generation.run.uuid,
        facts=facts | {"idempotency_key": generation.idempotency_key},
        personal=personal,
    )
    return True


def _run(generation: Generation, answer: Accepted, engine: Engine) -> None:
    now = timezone.now()
    scale = settings.PROVIDER_TIME_SCALE
    schedule = engine.capabilities.poll_schedule(generation.run.options.get("resolution", ""))
    cancelled = Generation.objects.filter(pk=generation.pk, cancel_asked_at__isnull=False).exists()
    lifecycle.move(
        generation,
        Status.RUNNING,
        expect=_LATE,
        guard=setbacks.mine(generation),
        facts={
            "task_id": answer.task_id,
            "provider_request_id": answer.request_id[:200],
            "answer": told.values(answer.raw),
            **told.facts_of_answer(answer.answer),
        },
        personal=told.text_of_answer(answer.answer),
        changes={
            "task_id": answer.task_id,
            "task_urls": dict(answer.urls),
            "request_id": answer.request_id[:200],
            "claimed_by": "",
            "retrying_since": None,
            "error_code": "",
            "next_action_at": now + timedelta(seconds=0 if cancelled else schedule.first * scale),
            "deadline_at": now + timedelta(seconds=engine.capabilities.deadline_seconds * scale),
        },
    )


# An answer is also accepted after the outcome became unknown, or shortly after a failure.
_LATE = (Status.SUBMITTING, Status.UNKNOWN, Status.FAILED)
