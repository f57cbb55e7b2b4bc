"""What it costs to claim the next generation and to show places, by the length of the line.

It fills the database of DATABASE_URL, whose runs and generations it deletes first. All times are in
milliseconds. The CPU time of a claim is also given as a multiple of that of `/healthz`, as in
`tests.bench`: a slow or busy machine changes it less.
"""

import itertools
import statistics
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from accounts.models import Team, User
from generations.jobs import dispatch, line
from generations.models import Generation, Price, ProviderAccount, Run
from generations.reading import waits
from generations.states import Status
from tests.bench.browser import hello
from tests.bench.scale.rows import analyse, execute, moment, multiply, new_uuid
from tests.bench.scale.timing import cpu_seconds
from tests.generations.asking import DEMO

SHORTEST = 100
IN_FLIGHT = (10, 1_000)
PEOPLE = (1, 50, 5_000)
CLAIMS = 40
WORKERS = 8
OF_A_PAGE = 60
# A claim should cost less than this multiple of `/healthz`, which took 0.29 ms on the machine where
# the target was set: there it is 10 ms.
MOST = 34


def fill(size: int, *, people: int = 50, in_flight: int = 1_000) -> None:
    """Put `size` generations in line, person after person, and `in_flight` in flight.

    Each person has one run. All rows are copies of one, which the database makes.
    """
    _forget()
    user, price = _first_user(), Price.objects.filter(engine=DEMO).earliest("pk")
    [run] = Run.objects.bulk_create([_run(user)])
    own = {"user_id": f"{user.pk} + i", "idempotency_key": new_uuid()}
    multiply(run, people - 1, own)
    each = max(size // people, 1)
    _add(_row(run, price), size, person=f"(i / {each}) % {people}")
    [account] = [row for row in dispatch.accounts_here() if row.provider == "demo"]
    soon = timezone.now() + timedelta(minutes=5)
    running = {"status": Status.RUNNING, "account": account, "task_id": "task-0"}
    sent = _row(run, price, next_action_at=soon, deadline_at=soon, **running)
    _add(sent, in_flight, person=f"i % {people}", task_id="'task-' || i")
    ProviderAccount.objects.update(concurrency=1_000_000, per_minute=1_000_000)
    analyse()


def main(size: int) -> bool:
    """Measure lines of 100, of a tenth of `size`, and of `size` generations; print.

    Returns whether the median CPU time of a claim was above the target.
    """
    print(
        f"{connection.vendor}: claiming the next generation; CPU is this thread's and the server's"
    )
    heads = ("in line", "in flight", "people", "CPU", "x hello", "p50", "p95", "choice", "places")
    print("".join(f"{head:>10}" for head in heads))
    slow = False
    sizes = sorted({SHORTEST, size // 10, size})
    for each, in_flight, people in itertools.product(sizes, IN_FLIGHT, PEOPLE):
        fill(each, people=people, in_flight=in_flight)
        slow |= _measure_one(each, in_flight, people)
    if connection.vendor == "postgresql":
        _measure_workers(sizes)
    return slow


def _measure_one(size: int, in_flight: int, people: int) -> bool:
    [account] = [row for row in dispatch.accounts_here() if row.provider == "demo"]
    page = list(Generation.objects.filter(status=Status.QUEUED).order_by("-pk")[:OF_A_PAGE])
    hellos = _times(hello(), CLAIMS)
    claims = _times(_claim, CLAIMS)
    choices = _times(lambda: line.fairest(account, timezone.now(), resting=()), CLAIMS)
    places = _times(lambda: waits.places(page), 10)
    cpu = statistics.median(worked for _took, worked in claims)
    greeting = statistics.median(worked for _took, worked in hellos)
    figures = (
        cpu,
        cpu / greeting,
        statistics.median(took for took, _worked in claims),
        statistics.quantiles((took for took, _worked in claims), n=20)[18],
        statistics.median(worked for _took, worked in choices),
        statistics.median(worked for _took, worked in places),
    )
    print(f"{size:>10}{in_flight:>10}{people:>10}" + "".join(f"{n:>10.1f}" for n in figures))
    return cpu / greeting >= MOST


def _measure_workers(sizes: Iterable[int]) -> None:
    """Let several workers claim at once, each waiting for the others' lock on the account."""
    for size in sizes:
        fill(size)
        with ThreadPoolExecutor(WORKERS) as pool:
            started = time.perf_counter()
            rounds = list(pool.map(lambda _number: _times_of_a_thread(), range(WORKERS)))
            seconds = time.perf_counter() - started
        times = [took for each in rounds for took, _worked in each]
        rate = len(times) / seconds
        print(
            f"{WORKERS} workers, {size} in line: p50 {statistics.median(times):.1f}, "
            f"p95 {statistics.quantiles(times, n=20)[18]:.1f}, {rate:.0f} claims a second"
        )


def _times_of_a_thread() -> list[tuple[float, float]]:
    try:
        return _times(_claim, 10)
    finally:
        connection.close()


def _times(act: Callable[[], object], count: int) -> list[tuple[float, float]]:
    """For each call its time, and the CPU time of this thread and of the database server."""
    act()
    times = []
    for _ in range(count):
        started, worked = time.perf_counter(), cpu_seconds()
        done = act()
        took = time.perf_counter() - started
        worked = cpu_seconds() - worked
        times.append((took * 1000, worked * 1000))
        if isinstance(done, Generation):
            # The claim ends here, so that as many are in flight before the next one.
            Generation.objects.filter(pk=done.pk).update(status=Status.SUCCEEDED)
    return times


def _claim() -> Generation:
    claimed = dispatch.claim_next("bench")
    assert claimed
    return claimed


def _first_user() -> User:
    """The first of the people in line, whose primary keys follow one another."""
    team, made = Team.objects.get_or_create(name="Bench")
    if made:
        first = User.objects.create(team=team, email="bench0@example.com", password="!")
        multiply(first, max(PEOPLE) - 1, {"email": "'bench' || i || '@example.com'"})
    return User.objects.filter(team=team).earliest("pk")


def _forget() -> None:
    for model in (Generation, Run):
        rows = model.objects.all()
        rows._raw_delete(rows.db)
    execute("VACUUM")  # as PostgreSQL later does by itself: deleted rows slow down every query


def _run(user: User) -> Run:
    return Run(
        user=user,
        team_id=user.team_id,
        engine=DEMO,
        prompt="ridges at dawn",
        options={"resolution": "2K", "aspect_ratio": "3:2"},
        idempotency_key=uuid.uuid4(),
        content_digest="0" * 64,
        wanted=30_000,
        open=30_000,
    )


def _row(run: Run, price: Price, **values: object) -> Generation:
    return Generation(
        run=run,
        user_id=run.user_id,
        provider="demo",
        price=price,
        position=0,
        wanted=1,
        **values,
    )


def _add(row: Generation, count: int, *, person: str, **values: str) -> None:
    """Save `row` and `count` - 1 copies; `person` is the number of a row's person, from 0."""
    row.save()
    own = {
        "run_id": f"{row.run_id} + {person}",
        "user_id": f"{row.user_id} + {person}",
        "position": "i % 1000",
        "created_at": moment("i * 0.001"),
    }
    multiply(row, count - 1, own | values)
