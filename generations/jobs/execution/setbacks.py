"""What follows a submit that failed: back into line, failed, or unknown outcome.

This depends on whether the provider may have accepted it, how many attempts and how much time are
left, and whether the engine takes an idempotency key.
"""

import logging
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db.models import Q
from django.utils import timezone

from generations.jobs import dispatch, hints, lifecycle, provider_health
from generations.jobs.execution import accidents, arriving, errors, late
from generations.jobs.execution.backoff import submit_seconds
from generations.models import Generation, ProviderAccount
from generations.providers.capabilities import Engine
from generations.providers.errors import (
    Code,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
)
from generations.states import Status

log = logging.getLogger(__name__)

# How long to repeat a write while the database is away. Later, recovery corrects the row.
PUT_RIGHT_SECONDS = 30
# While a request is younger than this, trouble of the studio's own uses up no attempt.
ACCIDENT_PATIENCE = timedelta(hours=24)
OWN_TROUBLE_SECONDS = 15
ABOUT_THE_CONTENT = frozenset({Code.CONTENT_POLICY, Code.PROMPT_REJECTED, Code.REFERENCE_REJECTED})


def mine(generation: Generation) -> Q:
    """The condition that the row still belongs to this attempt."""
    return Q(submit_token=generation.submit_token)


def after_error(
    generation: Generation, account: ProviderAccount, error: ProviderError, engine: Engine
) -> None:
    """Write down the error that the submit of a claimed generation raised."""
    log.warning("submit of %s failed: %s", generation.uuid, error)
    if isinstance(error, Refused):
        _after_refusal(generation, account, error, engine)
    elif isinstance(error, ProviderFailed) and error.code in ABOUT_THE_CONTENT:
        _give_up(generation, error)  # the same content would be refused again
    elif engine.capabilities.takes_idempotency_key:
        _put_back(generation, account, error)  # the idempotency key prevents a second purchase
    elif isinstance(error, OutcomeUnknown | ProviderFailed):
        _give_up(generation, error)
    else:
        _put_back(generation, account, error)  # not sent, or certainly not accepted


def _after_refusal(
    generation: Generation, account: ProviderAccount, error: Refused, engine: Engine
) -> None:
    """Requeue the row if the refusal concerns the key and another key can do the work."""
    others_can = _note_refusal(account, error, engine)
    if error.code == Code.INSUFFICIENT_BALANCE:
        hints.hint_balance(account.pk)
    if others_can and not is_doubtful(generation):
        _put_back(generation, account, error)
    else:
        _give_up(generation, error)


def _note_refusal(account: ProviderAccount, error: Refused, engine: Engine) -> bool:
    try:
        return provider_health.note_refusal(account, error, engine.name)
    except DatabaseTrouble:
        raise  # the caller repeats the whole write
    except Exception:
        log.exception("a refusal could not be noted for %s", account)
        return False


def after_accident(generation: Generation, error: Exception) -> None:
    """Correct a row after an unforeseen error. If that fails too, recovery finds the row."""
    try:
        accidents.with_retries(partial(_put_right, generation, error), seconds=PUT_RIGHT_SECONDS)
    except Exception:
        accidents.reconnect()
        log.exception("%s could not be put right; recovery finds it", generation.uuid)


def _put_right(generation: Generation, error: Exception) -> None:
    """Requeue or end the row, depending on whether a byte may have been sent."""
    generation.refresh_from_db()
    if generation.status != Status.SUBMITTING:
        return
    account = generation.account
    assert account is not None  # noqa: S101  # a claimed row has one
    unsent = generation.submitted_at is None and not is_doubtful(generation)
    if unsent and accidents.is_ours(error) and _is_young(generation):
        _wait_out(generation)
    elif unsent:
        _put_back(generation, account, NotSent(code=Code.BAD_RESPONSE))
    elif generation.idempotency_key:
        _put_back(generation, account, OutcomeUnknown())
    else:
        _give_up(generation, OutcomeUnknown())


def _is_young(generation: Generation) -> bool:
    return timezone.now() - generation.created_at < ACCIDENT_PATIENCE


def _wait_out(generation: Generation) -> None:
    """Requeue the row after trouble of the studio's own, without using up an attempt."""
    wait = OWN_TROUBLE_SECONDS * settings.PROVIDER_TIME_SCALE
    lifecycle.move(
        generation,
        Status.QUEUED,
        guard=mine(generation),
        facts={"why": "own_trouble"},
        changes={
            "claimed_by": "",
            "attempt": generation.attempt - 1,
            "next_action_at": timezone.now() + timedelta(seconds=wait),
        },
    )


def _put_back(generation: Generation, account: ProviderAccount, error: ProviderError) -> None:
    """Requeue the row, unless attempts or time are used up or the wait asked for is too long."""
    left = _seconds_left(generation)
    wait = submit_seconds(generation.attempt, error)
    elsewhere = wait > left and _may_go_elsewhere(generation, account, error, left)
    is_last = generation.attempt >= settings.PROVIDER_MAX_ATTEMPTS or left <= 0
    if is_last or (wait > left and error.retry_after is not None and not elsewhere):
        _give_up(generation, error)
        return
    now = timezone.now()
    # It was not accepted, so another key may send it, with a new idempotency key.
    is_unbound = elsewhere or isinstance(error, Refused)
    lifecycle.move(
        generation,
        Status.QUEUED,
        guard=mine(generation),
        facts=errors.facts(error),
        personal=errors.text(error),
        changes={
            "claimed_by": "",
            "retrying_since": generation.retrying_since or now,
            "next_action_at": now + timedelta(seconds=0 if elsewhere else min(wait, left)),
            **({} if is_doubtful(generation) else errors.columns(error)),
            **({"idempotency_key": "", "body": None} if is_unbound else {}),
            **late.columns(error),
        },
    )


def _may_go_elsewhere(
    generation: Generation, account: ProviderAccount, error: ProviderError, left: float
) -> bool:
    """Whether another key of the provider can do the work now or within a minute.

    A key that rests longer is left out: the provider asked for that rest, and may refuse again.
    """
    if is_doubtful(generation) or isinstance(error, OutcomeUnknown | ProviderFailed):
        return False  # it may have been accepted, and only the same key can find out
    patience = min(left, provider_health.BACKOFF_MOST_SECONDS)
    until = timezone.now() + timedelta(seconds=patience)
    return any(
        not other.blocked_code
        and (other.paused_until is None or other.paused_until < until)
        and generation.run.engine not in provider_health.engines_at_rest(other)
        for other in dispatch.accounts_here()
        if other.provider == account.provider and other.pk != account.pk
    )


def is_doubtful(generation: Generation) -> bool:
    """Whether an earlier attempt may have been accepted. Only the same key can find out."""
    return bool(generation.idempotency_key) and generation.error_code == Code.OUTCOME_UNKNOWN


def is_out_of_time(generation: Generation) -> bool:
    """Whether no new attempt may begin any more."""
    return _seconds_left(generation) <= 0


def _seconds_left(generation: Generation) -> float:
    """Seconds left for new attempts, counted from the first failure."""
    patience = settings.PROVIDER_RETRY_SECONDS * settings.PROVIDER_TIME_SCALE
    since = generation.retrying_since
    return patience if since is None else patience - (timezone.now() - since).total_seconds()


def _give_up(generation: Generation, error: ProviderError) -> None:
    """End as failed, or as unknown if this attempt or an earlier one may have been accepted."""
    if is_doubtful(generation) or isinstance(error, OutcomeUnknown):
        unknown(generation, error)
    else:
        fail(generation, error)


def fail(generation: Generation, error: ProviderError) -> None:
    """Fail the generation and return the credits, unless images were kept.

    Images that a stream brought before its error are delivered and charged like any others. If the
    provider may bill, images may still arrive for a day.
    """
    if generation.deliveries.exists() and arriving.accept_kept(generation, guard=mine(generation)):
        return
    columns = late.columns(error)
    may_bill = bool(columns or generation.may_arrive_until)
    lifecycle.move(
        generation,
        Status.FAILED,
        guard=mine(generation),
        facts={**errors.facts(error), **({"provider_may_bill": True} if may_bill else {})},
        personal=errors.text(error),
        changes={**errors.columns(error), **columns},
    )


def unknown(generation: Generation, error: ProviderError) -> None:
    """End as unknown, unless images arrived before the answer broke off."""
    if arriving.accept_kept(generation, guard=mine(generation)):
        return
    lifecycle.move(
        generation,
        Status.UNKNOWN,
        guard=mine(generation),
        facts=errors.facts(error),
        personal=errors.text(error),
        changes={"claimed_by": "", "next_action_at": None, **errors.columns(error)},
    )
