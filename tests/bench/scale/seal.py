"""How fast records are sealed, and what the seal costs the acts that write records.

The time of sealing is counted too, as if the sealer had no core of its own. Rates are of one
process, in turns, so that a busy machine changes the share little.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest import mock
from zipfile import ZipFile

from django.conf import settings
from django.db import connection, transaction

from accounts import audit, sealing
from accounts.audit import recording
from accounts.events import Event
from accounts.evidence import export, live
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
    print(f"sealed {count} records: {count / took:.0f} a second, {count / worked:.0f} a CPU second")
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
    rate = f"{found.records / took:.0f} a second, {found.records / worked:.0f} a CPU second"
    print(f"verified {found.records} records: {rate}; sound: {found.is_sound}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        *_steps, done = export.write(folder / "log.zip", export.sealed_range(), actor=None)
        took = time.perf_counter() - started
        megabytes = done.bytes / 1e6
        print(
            f"exported {done.records} records: {done.records / took:.0f} a second, "
            f"{megabytes:.0f} MB, at most {peak_megabytes():.0f} MB of memory",
            flush=True,
        )
        with ZipFile(folder / "log.zip") as archive:
            archive.extractall(folder / "log")
        started = time.perf_counter()
        command = [sys.executable, "-I", "verify.py"]
        told = subprocess.run(
            command, cwd=folder / "log", capture_output=True, text=True, check=False
        )
        took = time.perf_counter() - started
        print(
            f"verify.py: {done.records / took:.0f} records a second, exit {told.returncode}",
            flush=True,
        )


def peak_megabytes() -> float:
    """The most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure_acts() -> bool:
    """Do the same acts with and without their row of `Unsealed`, taking turns."""
    user = make_user(quota=10**9)
    acts: dict[str, Callable[[], object]] = {
        "one record alone": lambda: _record(user),
        "a run of one image": lambda: ask(user, num_images=1),
    }
    shares = {name: _share(act) for name, act in acts.items()}
    for name, (unsealed, sealed, share) in shares.items():
        print(
            f"{name}: {unsealed:.0f} a second unsealed, {sealed:.0f} sealed, "
            f"share {share:.2f} (medians of {ROUNDS} rounds)"
        )
    return shares["a run of one image"][2] < LEAST_SHARE


def _share(act: Callable[[], object]) -> tuple[float, float, float]:
    act()
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * ROUNDS):
        sealed = number % 2 == 0
        rates[sealed].append(_rate(act, sealed=sealed))
    without, with_ = statistics.median(rates[False]), statistics.median(rates[True])
    return without, with_, with_ / without


def _rate(act: Callable[[], object], *, sealed: bool) -> float:
    """Acts a second. Without the seal, no row of `Unsealed` is written."""
    with nullcontext() if sealed else mock.patch.object(recording, "Unsealed"):
        started = time.perf_counter()
        for _ in range(ACTS):
            act()
        if sealed:
            sealing.seal()
        return ACTS / (time.perf_counter() - started)


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
