"""`python -m tests.bench.scale [images|records|lists|line|usage] [ROWS [TIMES]]`: see there."""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
# As in a web worker, a connection stays after a request. The server's time is that of this one.
os.environ.setdefault("DATABASE_POOL", "1")
django.setup()

from django.core.management import call_command  # noqa: E402  # needs the settings above

from tests.bench.scale import images, line, lists, records, usage  # noqa: E402

# Each fills the database of DATABASE_URL unless it is filled, prints its figures, and returns
# whether a target was missed.
MEASUREMENTS = {
    "images": images.main,
    "records": records.main,
    "lists": lists.main,
    "line": line.main,
    "usage": usage.main,
}
DEFAULT_ROWS = 1_000_000


def main(name: str = "images", rows: str = "", *times: str) -> int:
    call_command("migrate", verbosity=0)
    return int(MEASUREMENTS[name](int(rows or DEFAULT_ROWS), *map(int, times)))


sys.exit(main(*sys.argv[1:]))
