"""Mixed acts on credits by many processes that are killed: `python -m tests.faults kills`.

    python -m tests.faults kills [ACTS] [PROCESSES] [SEED]

Each process does acts in any order, through the studio's own functions, and is killed (SIGKILL)
before a random write of every third act; another one takes its place. At the end every request is
brought to an end, and everything is proved. One person's quota never changes: it must never have
been passed.
"""

import logging
import os
import random
import signal
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, connections
from django.db.models import F

from accounts import ledger
from accounts.errors import AccountsError
from accounts.models import Allowance, Entry, User
from generations import proof, submission
from generations.jobs import decisions, lifecycle
from generations.jobs.decisions import DecisionRefused
from generations.models import Generation, Run, UsageDay
from generations.states import ENDED, Status
from generations.usage import rebuilding
from tests.factories import make_team, make_user
from tests.faults.standalone import set_up, studio
from tests.generations.asking import ask

ACTS, PROCESSES = 200, 16
QUOTA = 60
# Of so many acts, one is killed before one of its first writes.
DEADLY, WRITES = 3, 12

Act = Callable[[random.Random], object]


def main(acts: int = ACTS, processes: int = PROCESSES, seed: int = 1) -> int:
    logging.disable()
    chance = random.Random(seed)
    with studio():
        team = make_team(quota=10 * QUOTA)
        for number in range(4):
            make_user(email=f"person{number}@kills.example", team=team, quota=QUOTA)
        deaths, done = _storm(acts, processes, chance)
        _end_all()
        return _report(f"{set_up()}, {processes} processes, seed {seed}", deaths, done)


def _storm(acts: int, processes: int, chance: random.Random) -> tuple[int, Counter[str]]:
    """Let processes work until so many acts are done. Returns how many died, and the acts."""
    connections.close_all()
    reading, writing = os.pipe()
    alive: set[int] = set()
    deaths, done = 0, Counter[str]()
    while done.total() < acts:
        while len(alive) < processes:
            alive.add(_fork(writing, chance.random()))
        done.update(os.read(reading, 4096).decode().split())
        del done["begun"]
        deaths += _bury(alive)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(reading)
    os.close(writing)
    return deaths + len(alive), done


def _bury(alive: set[int]) -> int:
    """Remove the processes that have died. Returns how many."""
    dead = {pid for pid in alive if os.waitpid(pid, os.WNOHANG)[0]}
    alive -= dead
    return len(dead)


def _fork(writing: int, seed: float) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        _work(writing, random.Random(seed))
    except BaseException as error:  # the parent must see it, whatever it is
        sys.stderr.write(f"a process failed: {error!r}\n")
    finally:
        os._exit(1)


def _work(writing: int, chance: random.Random) -> None:
    while True:
        os.write(writing, b"begun\n")  # so that the parent looks around
        act = chance.choice(_ACTS)
        before = chance.randrange(1, WRITES) if chance.randrange(DEADLY) == 0 else 0
        try:
            with _deadly(before):
                is_done = act(chance)
        except (AccountsError, DecisionRefused, OperationalError):
            is_done = False  # also where SQLite is busy for too long
        if is_done:
            os.write(writing, act.__name__.strip("_").encode() + b"\n")


@contextmanager
def _deadly(before: int) -> Iterator[None]:
    """Kill this process before the given write, counted from 1."""
    writes = 0

    def count(execute, sql, params, many, context):
        nonlocal writes
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            writes += 1
            if writes == before:
                os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield


# --- The acts ------------------------------------------------------------------------------------


def _submit(chance: random.Random) -> bool:
    person = _person(chance, 4)
    return bool(ask(person, num_images=chance.randint(1, 3), prompt=uuid.uuid4().hex))


def _go_on(chance: random.Random) -> bool:
    """What should happen to a request, or something else that may."""
    rows = list(Generation.objects.exclude(status__in=ENDED).order_by("pk")[:30])
    return bool(rows) and _further(chance.choice(rows), chance)


def _cancel(chance: random.Random) -> bool:
    rows = list(Generation.objects.filter(status=Status.QUEUED).order_by("pk")[:30])
    if not rows:
        return False
    row = chance.choice(rows)
    return submission.cancel(row, actor=row.user)


def _come_late(chance: random.Random) -> bool:
    rows = list(Generation.objects.filter(may_arrive_until__isnull=False, status=Status.FAILED))
    return bool(rows) and lifecycle.move(chance.choice(rows), Status.STORING)


def _settle_again(chance: random.Random) -> bool:
    rows = list(Generation.objects.filter(status__in=ENDED).order_by("-pk")[:30])
    return bool(rows) and not ledger.settle(chance.choice(rows).uuid, 100).entries


def _top_up(chance: random.Random) -> bool:
    person = _person(chance, 3)
    return bool(ledger.top_up(person, chance.randint(1, 20), actor=None, reason="x"))


def _set_limit(chance: random.Random) -> bool:
    person = _person(chance, 3)
    return bool(ledger.set_limit(person, chance.randint(0, 80), actor=None, reason="x"))


def _write_off(chance: random.Random) -> bool:
    allowance = ledger.allowance_of(_person(chance, 3))
    assert allowance is not None
    ledger.write_off(allowance, 1, actor=None, reason="x")
    return True


_ACTS: tuple[Act, ...] = (
    *(_submit,) * 3,
    *(_go_on,) * 6,
    _cancel,
    _come_late,
    _settle_again,
    _top_up,
    _set_limit,
    _write_off,
)


def _person(chance: random.Random, among: int) -> User:
    """One of the first of the four people. The last one's quota is never changed."""
    email = f"person{chance.randrange(among)}@kills.example"
    return User.objects.select_related("team").get(email=email)


def _further(row: Generation, chance: random.Random) -> bool:
    token = {"claimed_by": "w", "submit_token": uuid.uuid4(), "task_id": uuid.uuid4().hex}
    if row.status == Status.UNKNOWN:
        decision = chance.choice((decisions.accept_charge, decisions.release))
        decision(row, actor=row.user, reason="x")
        return True
    if row.status == Status.STORING and row.delivered < row.wanted and chance.randrange(4):
        # Without an image: this is about credits.
        return bool(
            Generation.objects.filter(pk=row.pk, delivered=row.delivered).update(
                delivered=F("delivered") + 1
            )
        )
    end = Status.SUCCEEDED if row.delivered else Status.FAILED
    target = {
        Status.QUEUED: Status.SUBMITTING,
        Status.SUBMITTING: chance.choice((Status.RUNNING, Status.UNKNOWN, Status.FAILED)),
        Status.RUNNING: chance.choice((Status.STORING, Status.UNKNOWN, Status.FAILED)),
        Status.STORING: end,
    }[Status(row.status)]
    changes = token if target in (Status.SUBMITTING, Status.RUNNING) else {}
    return lifecycle.move(row, target, changes=changes)


# --- The end -------------------------------------------------------------------------------------


def _end_all() -> None:
    """Bring every request to its end, as the next worker would."""
    chance = random.Random(0)
    while rows := list(Generation.objects.exclude(status__in=ENDED)):
        for row in rows:
            _further(row, chance)


def _report(title: str, deaths: int, done: Counter[str]) -> int:
    found = proof.prove().findings
    drift = len(ledger.reconcile())
    held = Allowance.objects.exclude(reserved=0).count()
    tight = Allowance.objects.get(user__email="person3@kills.example")
    days = set(UsageDay.objects.order_by().values_list("day", flat=True))
    different = sum(rebuilding.differences(day) for day in days)
    different += sum(rebuilding.differences_of_month(month) for month in rebuilding.months())
    ended = Generation.objects.filter(status__in=ENDED).count()
    acts = ", ".join(f"{name} {count}" for name, count in sorted(done.items()))
    sys.stdout.write(
        f"{title}: {done.total()} acts ({acts}), {deaths} processes killed\n"
        f"{Run.objects.count()} runs, {ended} requests ended, {Entry.objects.count()} entries; "
        f"allowances that drift: {drift}, findings of the proof: {found}, credits still held: "
        f"{held}, totals that differ: {different}; the fixed quota of {QUOTA}: "
        f"{tight.spent} spent\n"
    )
    passed = tight.limit + tight.top_up < tight.spent + tight.reserved
    return int(bool(drift or found or held or different or passed))
