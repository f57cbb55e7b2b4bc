"""Starts of a worker under load: `python -m tests.faults starts [STARTS] [BUSY_LOOPS]`.

Prints the longest time from a submit to its claim, the start of the worker included, and how many
workers claimed nothing.
"""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accounts.events import Event
from accounts.models import Record, User
from generations.models import Run
from generations.states import Status
from tests.faults.standalone import set_up, studio
from tests.faults.studio import Workers, wait_for
from tests.generations.asking import DEMO, ask

STARTS = 60
BUSY_LOOPS = 4
CLAIMED = Event(f"generation:{Status.SUBMITTING}")


@contextmanager
def load(loops: int) -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def seconds_to_claim(user: User, number: int, folder: Path) -> float | None:
    """Seconds from a run to its claim by a worker that has just started; None if unclaimed."""
    folder.mkdir()
    workers = Workers(folder)
    workers.start()
    try:
        run = ask(user, DEMO, 1, prompt=f"start {number}")
        wait_for(lambda: claim_of(run), "a claim", workers)
        return (claim_of(run).at - run.created_at).total_seconds()
    except AssertionError as silent:
        sys.stdout.write(f"start {number}: {silent}\n")
        return None
    finally:
        workers.kill()


def claim_of(run: Run) -> Record | None:
    return Record.objects.filter(event=CLAIMED, story=run.uuid).order_by("at").first()


def main(starts: int = STARTS, loops: int = BUSY_LOOPS) -> int:
    with studio() as user, load(loops), tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder, str(number)) for number in range(starts)]
        times = [seconds_to_claim(user, *numbered) for numbered in enumerate(folders)]
    heard = sorted(time for time in times if time is not None)
    silent = len(times) - len(heard)
    sys.stdout.write(
        f"{set_up()}, {loops} busy loops: {starts} starts, {silent} silent; from submit to first "
        f"claim {statistics.median(heard):.1f} s in the middle, {heard[-1]:.1f} s at most\n"
    )
    return bool(silent)
