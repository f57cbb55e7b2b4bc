"""Ask providers how their tasks are, never behind other work in a queue.

One loop in each worker process leases due rows, asks with many threads over one shared client,
writes down in few updates what is still running, and makes every real move singly. It goes round
a few times a second, whatever there is to do: what falls due in between is asked about together.
No key takes all threads, so a provider that is slow to answer holds up none of the others.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from generations import dispatch, lifecycle
from generations.execution import adopting, arriving
from generations.execution.submitting import error_columns, poll_schedule
from generations.models import Generation, ProviderAccount
from generations.providers import registry
from generations.providers.errors import (
    Code,
    Misconfigured,
    OutcomeUnknown,
    ProviderError,
    TaskCancelled,
    TaskFailed,
)
from generations.providers.types import InProgress, Result, TaskRef
from generations.states import Status

log = logging.getLogger(__name__)

BATCH = 200
THREADS = 64
# Of one key at a time; the other threads are for the others.
MOST_OF_AN_ACCOUNT = 48
# Longer than any poll may take, so that no two workers ask about the same task at once.
LEASE = timedelta(seconds=60)
# Which keys this process has changes only with its settings; new rows appear soon enough.
ACCOUNTS_SECONDS = 5

Answer = InProgress | Result | ProviderError


@dataclass(frozen=True)
class Asked:
    """A task, and what its provider said: an answer, or the error of asking."""

    generation: Generation
    answer: Answer


class Poller:
    """The polls of one worker process. `tick` in a loop; `close` at the end."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="poll")
        # With the account that is asked.
        self.asking: dict[Future[Asked], int | None] = {}
        self._accounts: list[ProviderAccount] = []
        self._accounts_until = 0.0

    def tick(self, seconds: float) -> None:
        """Start what is due, then write down what has been answered `seconds` later."""
        ends = time.monotonic() + seconds
        room = BATCH - len(self.asking)
        if room > 0:
            tasks = lease(self.worker, self._accounts_here(), room, busy=self._busy())
            self.asking |= {self.pool.submit(ask, task): task.account_id for task in tasks}
        answered, _asked = wait(self.asking, timeout=seconds)
        time.sleep(max(0.0, ends - time.monotonic()))
        for future in answered:
            del self.asking[future]
        write_down([future.result() for future in answered])

    def _busy(self) -> Counter[int | None]:
        return Counter(self.asking.values())

    def _accounts_here(self) -> list[ProviderAccount]:
        if time.monotonic() >= self._accounts_until:
            self._accounts = dispatch.accounts_here()
            self._accounts_until = time.monotonic() + ACCOUNTS_SECONDS
        return self._accounts

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)


def write_down(answers: Sequence[Asked]) -> None:
    """An update for all that go on at one pace, a move of its own for each that has ended."""
    _reschedule([each.generation for each in answers if not _is_final(each)])
    for each in answers:
        if _is_final(each):
            _move(each)


def ask(generation: Generation) -> Asked:
    """Poll one task, or cancel it where that was asked for; talks, and touches no row."""
    account = generation.account
    assert account is not None  # noqa: S101  # a running row has one
    try:
        adapter = registry.adapter(account.provider, account.slot)
        task = TaskRef(
            task_id=generation.task_id,
            model=registry.engine(generation.run.engine).model,
            urls=generation.task_urls,
            submitted_at=generation.submitted_at,
        )
        if generation.cancel_asked_at and adapter.cancel(task):
            return Asked(generation, TaskCancelled())
        return Asked(generation, adapter.poll(task))
    except ProviderError as error:
        return Asked(generation, error)
    except (Misconfigured, KeyError):
        return Asked(generation, ProviderError(code=Code.ENGINE_MISSING))
    except Exception:
        # One task with an answer nobody foresaw must not stop the polling of all others.
        log.exception("poll of %s failed", generation.uuid)
        return Asked(generation, ProviderError(code=Code.BAD_RESPONSE))


def lease(
    worker: str, accounts: Sequence[ProviderAccount], most: int, *, busy: Counter[int | None]
) -> list[Generation]:
    """Claim what is due at `accounts` for `worker`, the longest overdue first.

    `busy` is how many tasks of each account are being asked about already.
    """
    now = timezone.now()
    until = now + LEASE
    idle = [account for account in accounts if busy[account.pk] < MOST_OF_AN_ACCOUNT]
    due = Generation.objects.filter(
        status=Status.RUNNING, next_action_at__lte=now, account__in=idle
    )
    batch = []
    for pk, account in due.order_by("next_action_at").values_list("pk", "account")[:most]:
        if busy[account] < MOST_OF_AN_ACCOUNT:
            busy[account] += 1
            batch.append(pk)
    if not batch:
        return []
    due.filter(pk__in=batch).update(next_action_at=until, claimed_by=worker)
    leased = Generation.objects.filter(pk__in=batch, claimed_by=worker, next_action_at=until)
    return list(leased.select_related("run", "account", "price"))


def _is_final(asked: Asked) -> bool:
    if isinstance(asked.answer, Result | TaskFailed):
        return True
    deadline = asked.generation.deadline_at
    return deadline is not None and deadline <= timezone.now()


def _reschedule(rows: Sequence[Generation]) -> None:
    """What is still running is due again after its engine's interval.

    Where the lease has changed, somebody (a webhook, a person who cancels) made it due meanwhile.
    """
    together: dict[tuple[float, datetime | None], list[int]] = defaultdict(list)
    for generation in rows:
        schedule = poll_schedule(registry.engine(generation.run.engine), generation)
        together[schedule.interval, generation.next_action_at].append(generation.pk)
    now = timezone.now()
    for (interval, leased_until), keys in together.items():
        pause = timedelta(seconds=interval * settings.PROVIDER_TIME_SCALE)
        still_leased = Generation.objects.filter(
            pk__in=keys, status=Status.RUNNING, next_action_at=leased_until
        )
        still_leased.update(next_action_at=now + pause, claimed_by="")


def _move(asked: Asked) -> None:
    generation, answer = asked.generation, asked.answer
    if isinstance(answer, Result):
        arriving.accept(generation, answer)
        return
    target, error = _end(answer)
    late = adopting.first_look_up() if target == Status.UNKNOWN else {"next_action_at": None}
    lifecycle.move(
        generation,
        target,
        facts={"error": str(error.code), "provider_code": error.raw_code[:200]},
        changes={"claimed_by": "", **late, **error_columns(error)},
    )


def _end(answer: Answer) -> tuple[Status, ProviderError]:
    if isinstance(answer, TaskCancelled):
        return Status.CANCELLED, answer
    if isinstance(answer, TaskFailed):
        return Status.FAILED, answer
    return Status.UNKNOWN, OutcomeUnknown(code=Code.TIMEOUT)
