"""Polling: asking providers about their tasks, independently of all other work.

One loop in each worker process leases due rows, asks about them with many threads, and writes the
answers down: one update for the tasks that are still running, and one move for each task that has
ended. The loop turns a few times a second and handles together what falls due in between. No key
may use all threads, so a slow provider does not delay the others.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from generations.jobs import dispatch, in_hand, lifecycle, provider_health
from generations.jobs.execution import accidents, adopting, arriving, errors, requests
from generations.jobs.provider_health import PollAnswer
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
from generations.providers.types import Result
from generations.states import Status

log = logging.getLogger(__name__)

BATCH = 200
THREADS = 64
# Tasks of one key that are asked about at a time. The other threads are for other keys.
MOST_OF_AN_ACCOUNT = 48
# Longer than any poll may take, so that no two workers ask about the same task at once.
LEASE = timedelta(seconds=60)
# How long the list of accounts is reused: new rows are rare.
ACCOUNTS_SECONDS = 5
# The interval for a task whose engine no longer exists here.
UNKNOWN_ENGINE_SECONDS = 10.0


@dataclass(frozen=True)
class Asked:
    """A task and its provider's answer, or the error that asking raised."""

    generation: Generation
    answer: PollAnswer


class Poller:
    """The polls of one worker process. Call `tick` in a loop, and `close` at the end."""

    def __init__(self, worker: str, *, turn: Callable[[], object] = lambda: None) -> None:
        """`turn` is called between the steps of a tick."""
        self.worker = worker
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="poll")
        self.asking: dict[Future[Asked], Generation] = {}
        # Answers that could not be written yet because the database is away.
        self.answered: list[Asked] = []
        self._turn = turn
        self._accounts: list[ProviderAccount] = []
        self._accounts_until = 0.0

    def tick(self, seconds: float, *, takes_more: bool = True) -> None:
        """Start the polls that are due, wait `seconds`, then write down what was answered.

        Without `takes_more` no new poll is started.
        """
        ends = time.monotonic() + seconds
        if takes_more:
            self._start_asking(BATCH - len(self.asking) - len(self.answered))
        done, _asked = wait(self.asking, timeout=seconds)
        time.sleep(max(0.0, ends - time.monotonic()))
        for future in done:
            del self.asking[future]
            self.answered.append(future.result())
        self._write_down()

    def _start_asking(self, room: int) -> None:
        if room > 0:
            tasks = lease(self.worker, self._accounts_here(), room, busy=self._busy())
            self.asking |= {self.pool.submit(ask, task): task for task in tasks}

    def _write_down(self) -> None:
        """Write down all answers. Those that the database did not accept stay for the next tick."""
        answered, self.answered = self.answered, []
        try:
            self.answered = write_down(answered, turn=self._turn)
        finally:
            kept = {asked.generation.pk for asked in self.answered}
            done = (pk for asked in answered if (pk := asked.generation.pk) not in kept)
            in_hand.leave_all(self.worker, Generation, done)

    def _busy(self) -> Counter[int | None]:
        return Counter(task.account_id for task in self.asking.values())

    def _accounts_here(self) -> list[ProviderAccount]:
        if time.monotonic() >= self._accounts_until:
            self._accounts = dispatch.accounts_here()
            self._accounts_until = time.monotonic() + ACCOUNTS_SECONDS
        return self._accounts

    def close(self) -> None:
        """Wait for the polls that have been started, and write their answers down.

        Afterwards this poller has nothing in hand. Recovery frees the tasks that could not be asked
        about or written down.
        """
        self.pool.shutdown(wait=True, cancel_futures=True)
        answered = [future.result() for future in self.asking if not future.cancelled()]
        tasks = [*self.asking.values(), *(asked.generation for asked in self.answered)]
        try:
            write_down([*self.answered, *answered])
        finally:
            in_hand.leave_all(self.worker, Generation, [task.pk for task in tasks])


def write_down(
    answers: Sequence[Asked], *, turn: Callable[[], object] = lambda: None
) -> list[Asked]:
    """Write answers down: one update for all tasks with one interval, a move for each ended task.

    Returns the answers that the database did not accept. An answer that can't be written for
    another reason is logged, and its task is asked about again after its lease. It does not delay
    the others.
    """
    kept: list[Asked] = []
    for step, each in _steps(answers):
        turn()
        try:
            step()
        except accidents.DATABASE_AWAY:
            log.exception("the database did not take %d answers; they are kept", len(each))
            accidents.reconnect()
            kept += each
        except Exception:
            log.exception("an answer about %s could not be written", each[0].generation.uuid)
    _note_keys(answers)
    return kept


def _note_keys(answers: Sequence[Asked]) -> None:
    """Note what the answers say about the keys. An error here loses only the note."""
    told = ((each.generation.account, each.answer) for each in answers)
    try:
        provider_health.note_polls((account, answer) for account, answer in told if account)
    except Exception:
        log.exception("what %d answers say of their keys could not be noted", len(answers))


def _steps(answers: Sequence[Asked]) -> Iterator[tuple[Callable[[], object], list[Asked]]]:
    """The writes to do, each with its answers."""
    going_on = [each for each in answers if not _is_final(each)]
    for (interval, leased_until), together in _by_pace(going_on).items():
        yield partial(_reschedule, together, interval, leased_until), together
    for each in answers:
        if _is_final(each):
            yield partial(_move, each), [each]


def ask(generation: Generation) -> Asked:
    """Poll one task, or cancel it if the person asked for that. Changes no row."""
    try:
        account = generation.account
        assert account is not None  # noqa: S101  # a running row has one
        adapter = registry.adapter(account.provider, account.slot)
        task = requests.task_of(generation, generation.task_id)
        if generation.cancel_asked_at and adapter.cancel(task):
            return Asked(generation, TaskCancelled())
        return Asked(generation, adapter.poll(task))
    except ProviderError as error:
        return Asked(generation, error)
    except (Misconfigured, KeyError):
        return Asked(generation, ProviderError(code=Code.ENGINE_MISSING))
    except Exception:
        # An unforeseen answer about one task must not stop the polling of the others.
        log.exception("poll of %s failed", generation.uuid)
        return Asked(generation, ProviderError(code=Code.BAD_RESPONSE))


def lease(
    worker: str, accounts: Sequence[ProviderAccount], most: int, *, busy: Counter[int | None]
) -> list[Generation]:
    """Claim due tasks of `accounts` for `worker`, at most `most`, the longest overdue first.

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
    leased: list[Generation] = []
    in_hand.enter_all(worker, Generation, batch)
    try:
        due.filter(pk__in=batch).update(next_action_at=until, claimed_by=worker)
        mine = Generation.objects.filter(pk__in=batch, claimed_by=worker, next_action_at=until)
        leased = list(mine.select_related("run", "account", "price"))
    finally:
        in_hand.leave_all(worker, Generation, set(batch) - {row.pk for row in leased})
    return leased


def _is_final(asked: Asked) -> bool:
    if isinstance(asked.answer, Result | TaskFailed):
        return True
    deadline = asked.generation.deadline_at
    return deadline is not None and deadline <= timezone.now()


def _by_pace(answers: Sequence[Asked]) -> dict[tuple[float, datetime | None], list[Asked]]:
    """Answers by their engine's interval in seconds and the end of their lease."""
    together: dict[tuple[float, datetime | None], list[Asked]] = defaultdict(list)
    for each in answers:
        together[_interval(each.generation), each.generation.next_action_at].append(each)
    return together


def _interval(generation: Generation) -> float:
    try:
        able = registry.engine(generation.run.engine).capabilities
        return able.poll_schedule(generation.run.options.get("resolution", "")).interval
    except Exception:  # one bad row must not stop the others; its deadline ends it
        return UNKNOWN_ENGINE_SECONDS


def _reschedule(answers: Sequence[Asked], interval: float, leased_until: datetime | None) -> None:
    """Make running tasks due again after `interval` seconds.

    If the lease of a task has changed, a webhook or a cancellation has made it due in the meantime,
    and it is left alone.
    """
    pause = timedelta(seconds=interval * settings.PROVIDER_TIME_SCALE)
    still_leased = Generation.objects.filter(
        pk__in=[each.generation.pk for each in answers],
        status=Status.RUNNING,
        next_action_at=leased_until,
    )
    still_leased.update(next_action_at=timezone.now() + pause, claimed_by="", polls=F("polls") + 1)


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
        facts=errors.facts(error),
        personal=errors.text(error),
        changes={"claimed_by": "", **late, **errors.columns(error)},
    )


def _end(answer: PollAnswer) -> tuple[Status, ProviderError]:
    if isinstance(answer, TaskCancelled):
        return Status.CANCELLED, answer
    if isinstance(answer, TaskFailed):
        return Status.FAILED, answer
    return Status.UNKNOWN, OutcomeUnknown(code=Code.TIMEOUT)
