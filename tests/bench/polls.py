"""How late polls are with 1,000 tasks in flight, and what they cost: one worker's poller.

The emulator is a separate process and answers after 100 ms, as a distant provider does. Lateness is
the time from when a poll is due until its request is sent.

Polling is work for the processor, and the less of it, the sooner each poll is sent. So its targets
are set like those of pages, for a machine where `hello` takes `HELLO_MS`: 40 % of a core for the
polls of 1,000 tasks, some 250 a second, which is 1.6 ms for each, and 0.5 s late at most at p95.
They grow in proportion to `hello`. The time of a poll stands for the share of a core, because a
slow machine uses all of a core and sends fewer polls.
"""

import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.request import Request, urlopen

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from generations.jobs import heartbeat, in_hand
from generations.jobs.execution import polling
from generations.jobs.worker.process import TICK_SECONDS
from generations.models import Generation, Price, ProviderAccount, Run
from generations.providers import registry
from generations.providers.types import Accepted, GenerationRequest
from generations.states import Status
from tests.bench.browser import HELLO_MS

PROJECT = Path(__file__).resolve().parents[2]
IN_FLIGHT = 1000
SECONDS = 24
WARM_UP_SECONDS = 6
ANSWER_SECONDS = 0.1
LATE_TARGET, POLL_TARGET_MS = 0.5, 1.6


def measure(user: User, hello: float) -> bool:
    """Print the figures; return whether a target was missed. `hello` is its CPU time here in ms."""
    with _emulator() as root:
        engines = [engine for engine in registry.engines().values() if engine.capabilities.polls]
        engines = [engine for engine in engines if engine.provider != registry.DEMO]
        _submit_all(user, engines)
        _order(root, "options", {"seconds": 3600, "answer_seconds": ANSWER_SECONDS})
        late, core = _watch()
    slowness = hello / HELLO_MS
    # The poller turns five times a second on any machine.
    late_target, poll_target = LATE_TARGET * max(slowness, 1), POLL_TARGET_MS * slowness
    poll = core * SECONDS * 1000 / len(late)
    quantiles = statistics.quantiles(late, n=100)
    names = ", ".join(engine.name for engine in engines)
    print(f"{IN_FLIGHT} tasks in flight at {names}; {len(late)} polls in {SECONDS} s")
    p50, p95 = quantiles[49], quantiles[94]
    print(f"lateness p50 {p50:.3f} s, p95 {p95:.3f} s (target < {late_target:.2f})")
    print(
        f"CPU of one core {core:.0%}, {poll:.2f} ms for each poll (target < {poll_target:.2f}), "
        f"{poll / hello:.1f} x hello",
        flush=True,
    )
    return p95 >= late_target or poll >= poll_target


@contextmanager
def _emulator() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.emulator", "--seconds", "3600", "--small"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "\n")
        told = dict(line.strip().split("=", 1) for line in lines)
        settings.PROVIDER_PRIVATE_HOSTS = [told["PROVIDER_PRIVATE_HOSTS"]]
        for name, configured in settings.PROVIDERS.items():
            configured["base_url"] = told[f"{name.upper()}_BASE_URL"]
            configured["keys"] = {1: told[f"{name.upper()}_API_KEY"]}
        try:
            yield f"http://{told['PROVIDER_PRIVATE_HOSTS']}"
        finally:
            process.terminate()


def _order(root: str, what: str, order: dict) -> None:
    request = Request(f"{root}/_control/{what}", json.dumps(order).encode())
    urlopen(request, timeout=10).close()


def _submit_all(user: User, engines: list) -> None:
    """Submit tasks to the emulated providers, spread over the engines and over time."""
    prices = {price.engine: price for price in Price.objects.all()}
    accounts = {
        engine.provider: ProviderAccount.objects.get_or_create(
            provider=engine.provider,
            slot=1,
            defaults={"key_fingerprint": "bench", "concurrency": IN_FLIGHT, "per_minute": 60_000},
        )[0]
        for engine in engines
    }
    with ThreadPoolExecutor(16) as pool:
        chosen = [engines[n % len(engines)] for n in range(IN_FLIGHT)]
        taken = list(pool.map(_submit, chosen))
    for number, (engine, accepted) in enumerate(zip(chosen, taken, strict=True)):
        run = Run.objects.create(
            user=user,
            team=user.team,
            engine=engine.name,
            prompt="a fox",
            options=_first_options(engine),
            idempotency_key=uuid.uuid4(),
            content_digest="0" * 64,
            wanted=1,
            open=1,
        )
        generation = Generation.objects.create(
            run=run,
            user=user,
            provider=engine.provider,
            account=accounts[engine.provider],
            price=prices[engine.name],
            status=Status.RUNNING,
            position=0,
            wanted=1,
            task_id=accepted.task_id,
            task_urls=dict(accepted.urls),
            deadline_at=timezone.now() + timedelta(hours=1),
        )
        interval = engine.capabilities.poll_schedule(run.options["resolution"]).interval
        first = timezone.now() + timedelta(seconds=interval * number / IN_FLIGHT)
        Generation.objects.filter(pk=generation.pk).update(next_action_at=first)


def _first_options(engine) -> dict[str, str]:
    able = engine.capabilities
    resolution = able.resolutions[0]
    return {"resolution": resolution, "aspect_ratio": able.aspect_ratios(resolution)[0]}


def _submit(engine) -> Accepted:
    adapter = registry.adapter(engine.provider)
    request = GenerationRequest(engine=engine.name, prompt="a fox", **_first_options(engine))
    answer = adapter.submit(
        adapter.build_submit(request), timeout=30, idempotency_key=str(uuid.uuid4())
    )
    assert isinstance(answer, Accepted)
    return answer


def _watch() -> tuple[list[float], float]:
    """The lateness of each poll in seconds, and the share of one core that polling used."""
    due: dict[int, float] = {}
    late: list[float] = []
    ask, enter_all = polling.ask, in_hand.enter_all

    def noting_enter_all(worker, model, keys):
        # Just before their lease, and of no other rows: reading more would delay the polls.
        rows = model.objects.filter(pk__in=keys)
        due.update({pk: at.timestamp() for pk, at in rows.values_list("pk", "next_action_at")})
        enter_all(worker, model, keys)

    def noting_ask(generation):
        late.append(time.time() - due[generation.pk])
        return ask(generation)

    in_hand.enter_all, polling.ask = noting_enter_all, noting_ask
    poller = polling.Poller(heartbeat.worker_name())
    _tick_for(poller, WARM_UP_SECONDS)
    late.clear()
    cpu, wall = time.process_time(), time.monotonic()
    _tick_for(poller, SECONDS)
    share = (time.process_time() - cpu) / (time.monotonic() - wall)
    poller.close()
    return late, share


def _tick_for(poller: polling.Poller, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        poller.tick(TICK_SECONDS)
