"""Measurements that take minutes, on a database of their own:

    python -m tests.faults credits [EXAMPLES] [SEED]       see `credits`
    python -m tests.faults kills [ACTS] [PROCESSES] [SEED] see `kills`
    python -m tests.faults starts [STARTS] [BUSY_LOOPS]    see `starts`
    python -m tests.faults storms [RUNS] [SEED]            see `storms`
    python -m tests.faults tampering [CASES] [SEED]        see `tampering`

DATABASE_URL, CACHE_URL and CELERY_BROKER_URL choose the services.
"""

import os
import sys
from collections.abc import Callable

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests.faults import (  # noqa: E402  # need the settings above
    credits,
    kills,
    starts,
    storms,
    tampering,
)

SCRIPTS: dict[str, Callable[..., int]] = {
    "credits": credits.main,
    "kills": kills.main,
    "starts": starts.main,
    "storms": storms.main,
    "tampering": tampering.main,
}

if __name__ == "__main__":
    name, *numbers = sys.argv[1:] or [""]
    if name not in SCRIPTS:
        sys.exit(__doc__)
    sys.exit(SCRIPTS[name](*map(int, numbers)))
