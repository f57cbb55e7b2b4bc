"""Runs under random faults, without a kill: `python -m tests.faults storms [RUNS] [SEED]`.

This process is a worker with all its threads; the emulator is the providers. One kind of fault
follows another: connections are cut, cache and broker are away, the disk is full, everything is
slow, the provider loses answers. At the end there are no faults, and what does not end then is
stuck. Prints how the runs ended, which are stuck, files without a row, and whether the ledger
agrees.
"""

import errno
import logging
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import current_app
from django.core.cache import caches
from django.db import OperationalError, connections
from django.db.backends.signals import connection_created
from django.test.utils import override_settings

from accounts import ledger
from accounts.caching import SHARED
from accounts.models import User
from generations import storage
from generations.jobs.worker import work_here
from generations.models import Delivery, Generation, Rendition, Run
from generations.states import OPEN
from tests.conftest import configured
from tests.emulator import Emulator, troubles
from tests.faults.standalone import set_up, studio
from tests.generations.asking import ask

RUNS = 200
STORM_SECONDS = 2.0
# The share of the calls concerned that fail during a storm.
SHARE = 0.3
CALM_SECONDS = 600.0
ENGINES = ("apipod", "apiframe", "apixo", "modelark", "replicate")
STORMS = ("calm", "cut", "cache", "broker", "disk", "slow", "provider")


class Weather:
    """The storm of this moment. `met` counts the faults in it."""

    def __init__(self, seed: int) -> None:
        self.storm = "calm"
        self.met: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._coming: list[str] = []

    def change(self, emulator: Emulator) -> None:
        """Choose the next storm. Each comes once before any comes again."""
        if not self._coming:
            self._coming = self._chance.sample(STORMS, len(STORMS))
        self.storm = self._coming.pop()
        if self.storm == "provider":
            for name in ENGINES:
                lost = [troubles.status(503), troubles.cut_midway(), troubles.lost_answer()]
                emulator.script(name, self._chance.choice(["submit", "status"]), *lost)
                emulator.script(name, "image", troubles.status(503), troubles.cut_midway())

    def strike(self, storm: str, error: Callable[[], Exception]) -> None:
        """Raise `error` for a share of the calls during `storm`; during `slow`, delay all."""
        if self.storm == "slow" and self._chance.random() < SHARE:
            time.sleep(0.05)
        if self.storm == storm and self._chance.random() < SHARE:
            self.met[storm] += 1
            raise error()


@contextmanager
def storms(weather: Weather) -> Iterator[None]:
    """Let faults happen to database, cache, broker and disk, in every thread but this one."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    cache, sync = type(caches[SHARED]), os.fsync
    calm = threading.get_ident()

    def over(owner: object, name: str, storm: str, error: Callable[[], Exception]) -> None:
        original = getattr(owner, name)

        def stormy(*args, **kwargs):
            if threading.get_ident() != calm:
                weather.strike(storm, error)
            return original(*args, **kwargs)

        setattr(owner, name, stormy)

    def cut(execute, sql, params, many, context):
        if threading.get_ident() != calm:
            weather.strike("cut", lambda: _cut_off(context["connection"]))
        return execute(sql, params, many, context)

    def wrap(connection, **kwargs) -> None:
        if cut not in connection.execute_wrappers:
            connection.execute_wrappers.append(cut)

    connection_created.connect(wrap)
    for name in ("get", "set"):
        over(cache, name, "cache", ConnectionError)
    over(app, "send_task", "broker", ConnectionError)
    over(os, "fsync", "disk", lambda: OSError(errno.ENOSPC, "No space left on device"))
    try:
        yield
    finally:
        os.fsync = sync
        connection_created.disconnect(wrap)


def _cut_off(connection) -> Exception:
    """The connection stays dead for the thread that has it."""
    connection.connection.close()
    return OperationalError("the connection is cut")


def providers(emulator: Emulator) -> dict:
    return {name: configured(emulator, name) for name in ENGINES}


def work_through(runs: list[Run], weather: Weather, emulator: Emulator) -> float:
    """Work until every run has ended, or until the last calm is over; returns the seconds."""
    began = changed = time.monotonic()
    calm_since = None

    def is_done() -> bool:
        nonlocal changed, calm_since
        now = time.monotonic()
        pending = Generation.objects.filter(status__in=OPEN).count()
        if calm_since is None and pending < len(runs) // 10:
            weather.storm, calm_since = "calm", now
        elif calm_since is None and now - changed > STORM_SECONDS:
            changed = now
            weather.change(emulator)
        return not pending or (calm_since is not None and now - calm_since > CALM_SECONDS)

    work_here(is_done)
    return time.monotonic() - began


def orphans() -> list[Path]:
    """Files that no row names, among them files that were begun and not finished."""
    known = set(Delivery.objects.values_list("original_name", flat=True))
    known |= set(Rendition.objects.values_list("name", flat=True))
    roots = {Path(each.path("")) for each in (storage.originals(), storage.renditions())}
    files = [(root, file) for root in roots for file in root.rglob("*") if file.is_file()]
    return [file for root, file in files if str(file.relative_to(root)) not in known]


def report(user: User, weather: Weather, seconds: float) -> bool:
    ends = Counter(Generation.objects.values_list("status", flat=True))
    stuck = Generation.objects.filter(status__in=OPEN).count()
    claimed = Delivery.objects.exclude(claimed_by="").count()
    left, drift = orphans(), ledger.reconcile()
    lines = [
        f"{set_up()}: {Run.objects.count()} runs in {seconds:.0f} s; struck: {dict(weather.met)}",
        f"ends: {dict(ends)}; stuck: {stuck}; images claimed by nobody alive: {claimed}",
        f"files that belong to nothing: {len(left)}; books that do not agree: {len(drift)}",
        *map(str, left[:5]),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return bool(stuck or claimed or left or drift)


def main(runs: int = RUNS, seed: int = 1) -> int:
    logging.disable()
    weather = Weather(seed)
    with studio() as user, Emulator(seconds=1, small=True) as emulator:
        here = {
            "PROVIDERS": providers(emulator),
            "PROVIDER_PRIVATE_HOSTS": [emulator.host],
            "PROVIDER_TIME_SCALE": 0.2,
        }
        with override_settings(**here), storms(weather):
            chance = random.Random(seed)
            asked = [
                ask(user, f"{chance.choice(ENGINES)}/seedream-4-5", 1, prompt=f"storm {n}")
                for n in range(runs)
            ]
            seconds = work_through(asked, weather, emulator)
            connections.close_all()
        return report(user, weather, seconds)
