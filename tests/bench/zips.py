"""A ZIP of many pictures: memory of the process, and how soon its download begins and resumes.

`python -m tests.bench.zips [PICTURES]`. Each picture has its own file of 1 MB in a temporary
folder. The pictures have no content: a ZIP stores them as they are, and neither the worker nor the
download decodes any.
"""

import os
import resource
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import django

FOLDER = tempfile.TemporaryDirectory()
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER.name}/zips.sqlite3")
os.environ["DATA_DIR"] = FOLDER.name
django.setup()

from django.core.management import call_command  # noqa: E402  # needs the settings above
from django.urls import reverse  # noqa: E402

from accounts.evidence.export import sha256_of_written  # noqa: E402
from accounts.models import User  # noqa: E402
from generations import storage  # noqa: E402
from generations.jobs.execution import exporting  # noqa: E402
from generations.labelling import FULL  # noqa: E402
from generations.models import Export, Rendition  # noqa: E402
from generations.tidying import packing  # noqa: E402
from tests.bench.browser import Browser  # noqa: E402
from tests.factories import make_user  # noqa: E402
from tests.generations.factories import make_finished_run  # noqa: E402

PICTURES, BYTES = 1000, 1_000_000
TARGET_MB = 40  # that Python holds at once
# Of CPU time, until the first byte. The first download compares the whole file with its SHA-256.
TARGET_MS = 1200


def main(pictures: str = str(PICTURES)) -> int:
    call_command("migrate", verbosity=0)
    user = make_user()
    keys = _filled(user, int(pictures))
    before = _megabytes()
    [export] = packing.pack(user, keys, names="{n}")
    held, seconds = _made(export)
    export.refresh_from_db()
    assert export.state == Export.State.READY, export.problem
    print(f"{len(keys)} pictures, {export.bytes / 1e6:,.0f} MB: made in {seconds:.1f} s of CPU")
    print(f"held by Python at most {held:.1f} MB, process {before:.0f} → {_megabytes():.0f} MB")
    first, last = (_first_byte(user, export, start) for start in (0, export.bytes - 1000))
    print(f"first byte after {first:.0f} ms of CPU; resumed 1,000 bytes before the end, {last:.0f}")
    return int(held > TARGET_MB or max(first, last) > TARGET_MS)


def _filled(user: User, pictures: int) -> list[int]:
    run = make_finished_run(user, images=pictures)
    for row in Rendition.objects.filter(image__run=run, recipe=FULL.name):
        path = Path(storage.renditions().path(row.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(row.uuid.bytes * (BYTES // 16))
        Rendition.objects.filter(pk=row.pk).update(
            bytes=path.stat().st_size, sha256=sha256_of_written(path)
        )
    return list(run.images.values_list("pk", flat=True))


def _made(export: Export) -> tuple[float, float]:
    """The most megabytes that Python holds, and the CPU time, to which looking at them adds."""
    tracemalloc.start()
    started = time.process_time()
    exporting.make(export.pk, "bench")
    seconds = time.process_time() - started
    held = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return held, seconds


def _first_byte(user: User, export: Export, start: int) -> float:
    """Milliseconds of CPU time until the first bytes of the file from `start` on have come."""
    browser = Browser(user)
    path = reverse("zip-download", args=[export.uuid])
    started = time.thread_time()
    first, size = browser.first_bytes(path, range=f"bytes={start}-")
    took = (time.thread_time() - started) * 1000
    assert browser.status.startswith("206"), browser.status
    assert size == export.bytes - start
    assert first
    return took


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
