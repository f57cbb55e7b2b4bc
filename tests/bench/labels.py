"""How many images a minute one images worker labels, with few and with many waiting.

The worker is a separate process, as in the studio. There is a hint in the queue for each image that
waits, as after an answer with many images.
"""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import current_app
from django.db.models import QuerySet
from django.utils import timezone
from PIL import Image as Pillow

from accounts.models import User
from generations import storage
from generations.jobs import hints
from generations.models import Delivery, Generation, Price, Run
from generations.states import Status
from tests.generations.asking import DEMO
from tests.generations.factories import make_run

PROJECT = Path(__file__).resolve().parents[2]
FEW, MANY = 10, 5000
SECONDS = 30
START_SECONDS = 60
SIDE = 1024
OF_A_RUN = 10
ORIGINAL, DONE = "bench/waiting", "bench/done"
# The rate with many waiting must be at least this share of the rate with few.
RATE_TARGET = 0.8
QUEUE_TARGET = 100


def measure(user: User) -> bool:
    """Print the figures; return whether a target was missed."""
    few = _rate(user, FEW, keep_waiting=True)
    many = _rate(user, MANY, keep_waiting=False)
    print(f"labelled a minute, {SIDE} x {SIDE}: {few[0]:.0f} with {FEW} waiting, queue {few[1]}")
    print(f"labelled a minute, {SIDE} x {SIDE}: {many[0]:.0f} with {MANY} waiting, queue {many[1]}")
    return many[0] < RATE_TARGET * few[0] or many[1] > QUEUE_TARGET


def _rate(user: User, waiting: int, *, keep_waiting: bool) -> tuple[float, int]:
    """Images labelled in a minute, and the longest queue of hints that was seen."""
    _add(user, waiting)
    longest = 0
    with _images_worker():
        done = _first_done()
        started = time.monotonic()
        while time.monotonic() < started + SECONDS:
            if keep_waiting:
                _add(user, waiting - _waiting().count())
            longest = max(longest, _queue_length())
            time.sleep(0.2)
        labelled = _done() - done
        seconds = time.monotonic() - started
    _waiting().update(status=Delivery.Status.FAILED, next_action_at=None)
    Delivery.objects.filter(original_name=ORIGINAL).update(original_name=DONE)
    return labelled * 60 / seconds, longest


def _add(user: User, count: int) -> None:
    """Add images that are fetched and wait for their label, ten in a run; all share one file."""
    storage.save_original(ORIGINAL, _image())
    for first in range(0, count, OF_A_RUN):
        generation = _generation(user)
        Delivery.objects.bulk_create(
            Delivery(
                generation=generation,
                index=index,
                status=Delivery.Status.FETCHED,
                original_name=ORIGINAL,
                next_action_at=timezone.now(),
            )
            for index in range(min(OF_A_RUN, count - first))
        )
        hints.hint(hints.LABEL)


def _generation(user: User) -> Generation:
    run: Run = make_run(user, wanted=OF_A_RUN, open=OF_A_RUN)
    price = Price.objects.get(engine=DEMO, tier="2K")
    return Generation.objects.create(
        run=run,
        user=user,
        provider="demo",
        price=price,
        status=Status.STORING,
        position=0,
        wanted=OF_A_RUN,
    )


def _image() -> bytes:
    file = io.BytesIO()
    gradient = Pillow.linear_gradient("L").resize((SIDE, SIDE))
    Pillow.merge("RGB", [gradient, gradient.rotate(90), gradient.rotate(180)]).save(file, "PNG")
    return file.getvalue()


def _done() -> int:
    return Delivery.objects.filter(original_name=ORIGINAL, status=Delivery.Status.STORED).count()


def _first_done() -> int:
    """Wait for the worker's first image, so that its start is not measured."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if done := _done():
            return done
        time.sleep(0.05)
    raise AssertionError("the images worker labels nothing")


def _waiting() -> QuerySet[Delivery]:
    return Delivery.objects.filter(original_name=ORIGINAL, status=Delivery.Status.FETCHED)


def _queue_length() -> int:
    with current_app.connection_for_read() as connection:
        return connection.default_channel._size("images")  # type: ignore[attr-defined]


@contextmanager
def _images_worker() -> Iterator[None]:
    command = [sys.executable, "-m", "seedream_site.programs", "images"]
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "seedream_site.settings"}
    with subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()
