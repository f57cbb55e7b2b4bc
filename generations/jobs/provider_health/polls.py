"""What polls say about a key: that they are refused, or that a task failed because of the key."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeGuard

from django.utils import timezone

from generations.jobs.provider_health.alerts import tell_of_polls
from generations.jobs.provider_health.refusals import concern_of
from generations.jobs.provider_health.rows import block, changed, seconds
from generations.models import ProviderAccount
from generations.providers.concerns import Concern
from generations.providers.errors import Code, ProviderError, Refused, TaskFailed
from generations.providers.types import InProgress, Result

# One refusal may be a passing fault of the provider, so admins are told only if it lasts.
REFUSED_BEFORE_ALERT_SECONDS = 60

# If a task fails with one of these codes, every further task of the key would fail too.
ABOUT_THE_KEY = frozenset({Code.AUTH, Code.INSUFFICIENT_BALANCE})

PollAnswer = InProgress | Result | ProviderError


def note_polls(answers: Iterable[tuple[ProviderAccount, PollAnswer]]) -> None:
    """Note the answers of polls, and tell admins once of a key whose polls stay refused.

    Takes the account of each task with its answer; without trouble it costs no query. A refusal
    never blocks accepted work: polling continues. A task that failed because the balance is used
    up, or the key not accepted, blocks the key for further submits, as a refused submit does.
    """
    by_key: dict[int, list[PollAnswer]] = defaultdict(list)
    accounts = {}
    for account, answer in answers:
        accounts[account.pk] = account
        by_key[account.pk].append(answer)
    for key, given in by_key.items():
        _note(accounts[key], given)


def _note(account: ProviderAccount, answers: list[PollAnswer]) -> None:
    for code in {each.code for each in answers if _failed_by_the_key(each)}:
        with changed(account) as row:
            block(row, code)
    if any(isinstance(each, InProgress | Result | TaskFailed) for each in answers):
        if account.polls_refused_at:
            _forget(account)
    elif any(_is_about_the_key(account, each) for each in answers):
        _note_refused(account)


def _failed_by_the_key(answer: PollAnswer) -> TypeGuard[TaskFailed]:
    return isinstance(answer, TaskFailed) and answer.code in ABOUT_THE_KEY


def _is_about_the_key(account: ProviderAccount, answer: PollAnswer) -> bool:
    return isinstance(answer, Refused) and concern_of(account, answer) == Concern.KEY


def _note_refused(account: ProviderAccount) -> None:
    now = timezone.now()
    patience: timedelta = seconds(REFUSED_BEFORE_ALERT_SECONDS)
    with changed(account) as row:
        row.polls_refused_at = row.polls_refused_at or now
        if not row.polls_refused_told and now - row.polls_refused_at >= patience:
            tell_of_polls(row)


def _forget(account: ProviderAccount) -> None:
    with changed(account) as row:
        row.polls_refused_at, row.polls_refused_told = None, False
