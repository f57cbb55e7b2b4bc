"""How fast records are sealed, and what the seal costs the acts that write records.

The time of sealing is counted too, as if the sealer had no core of its own. Rates are of one
process, in turns, so that a busy machine changes the share little.
"""

import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from unittest import mock
from zipfile import ZipFile

from django.conf import settings
from django.db import connection, transaction

from accounts import audit, sealing
from accounts.audit import recording
from accounts.events import Event
from accounts.evidence import export, live, selection
from accounts.models import Checkpoint, Record, Unsealed, User
from accounts.sealing.old_records import add_unsealed
from tests.factories import make_user
from tests.generations.asking import ask

ACTS = 60
ROUNDS = 7
# The rate of business transactions with the seal, as a share of the rate without.
LEAST_SHARE = 0.9


def measure() -> bool:
    """Print the rates. Returns whether the seal costs business transactions more than it may."""
    with _own_keys():
        _measure_sealing()
        return _measure_acts()


def _measure_sealing() -> None:
    """Seal the records that the database was filled with, in CPU seconds of this process."""
    add_unsealed(connection)
    count = Unsealed.objects.count()
    started, worked = time.perf_counter(), time.process_time()
    sealing.seal(most_batches=None)
    took, worked = time.perf_counter() - started, time.process_time() - worked
    if not count:
        return
    _tell("sealed", count, took, worked)
    last = Checkpoint.objects.latest("pk")
    started = time.process_time()
    sealing.stored.tree(last.size).root()
    print(f"root of {last.size} leaves: {(time.process_time() - started) * 1000:.1f} ms CPU")
    _measure_verifying()


def _measure_verifying() -> None:
    """Verify the database, export it, and run `verify.py` on the export in an empty folder."""
    started, worked = time.perf_counter(), time.process_time()
    found = live.verified()
    took, worked = time.perf_counter() - started, time.process_time() - worked
    _tell(f"verified in the database (sound: {found.is_sound})", found.records, took, worked)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started, worked = time.perf_counter(), time.process_time()
        *_steps, done = export.write(folder / "log.zip", selection.sealed_range(), actor=None)
        took, worked = time.perf_counter() - started, time.process_time() - worked
        _tell(f"exported, {done.bytes / 1e6:,.0f} MB", done.records, took, worked)
        with ZipFile(folder / "log.zip") as archive:
            archive.extractall(folder / "log")
        _measure_verify_py(folder / "log", done.records)


# Runs verify.py, and says what the most memory was that it had.
_PROGRAM = """
import atexit, runpy, sys
atexit.register(lambda: sys.stderr.write(open("/proc/self/status").read()))
runpy.run_path("verify.py", run_name="__main__")
"""


def _measure_verify_py(folder: Path, records: int) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-I", "-c", _PROGRAM],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = re.search(r"VmHWM:\s+(\d+) kB", told.stderr)
    megabytes = int(peak[1]) / 1024 if peak else 0.0
    _tell(f"verify.py, exit {told.returncode}, {megabytes:.0f} MB of memory", records, took, worked)


def _tell(what: str, records: int, took: float, worked: float) -> None:
    text = f"{what}: {records:,} records"
    print(
        f"{text:<70}{records / took:>9,.0f} a second{records / worked:>9,.0f} a CPU second",
        flush=True,
    )


def _measure_acts() -> bool:
    """Do the same acts as they are, without seal, and without search index, taking turns."""
    user = make_user(quota=10**9)
    acts: dict[str, Callable[[], object]] = {
        "one record alone": lambda: _record(user),
        "a run of one image": lambda: ask(user, num_images=1),
    }
    missed = False
    for name, act in acts.items():
        rates = _rates(act)
        told = ", ".join(f"{rate:.0f} {way}" for way, rate in rates.items())
        share, indexed = rates["whole"] / rates["unsealed"], rates["whole"] / rates["unindexed"]
        print(
            f"{name}, acts a second: {told}; share of unsealed {share:.2f}, of unindexed "
            f"{indexed:.2f} (medians of {ROUNDS} rounds)",
            flush=True,
        )
        missed = share < LEAST_SHARE
    return missed


def _rates(act: Callable[[], object]) -> dict[str, float]:
    """Acts a second in each way. The time of sealing is counted in all but one."""
    act()
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, without in WAYS.items():
            with without():
                started = time.perf_counter()
                for _ in range(ACTS):
                    act()
                if way != "unsealed":
                    sealing.seal()
                taken[way].append(ACTS / (time.perf_counter() - started))
    return {way: statistics.median(rates) for way, rates in taken.items()}


WAYS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "whole": nullcontext,
    "unsealed": lambda: mock.patch.object(recording, "Unsealed"),
    "unindexed": lambda: mock.patch.object(recording.index, "add"),
}


def _record(user: User) -> Record:
    with transaction.atomic():
        return audit.record(Event.USER_CHANGED, actor=user, subject=user)


@contextmanager
def _own_keys() -> Iterator[None]:
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(settings, "DATA_DIR", Path(folder)),
    ):
        yield
