"""The programs that make up a running studio, each by its command line, written once.

`python -m seedream_site.programs NAME` becomes that program. The supervisor of `make run` and the
containers of `compose.yaml` both start programs this way.
"""

import os
import sys
from collections.abc import Callable

from django.conf import settings

# gthread keeps connections; 15 s is longer than a page waits between two polls.
WEB_THREADS = 4
WEB_KEEP_ALIVE_SECONDS = 15
# Below the seconds that the supervisor waits before it kills.
WEB_GRACEFUL_SECONDS = 8
# A process for each core is best, but a studio on a desk shall leave the machine usable.
MOST_WEB_PROCESSES = 4
# Celery warns root in eight lines at each start, for fear of pickled messages; ours are JSON.
WARNINGS = "ignore:You're running the worker with superuser privileges"


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def address() -> str:
    """`HOST:PORT`, an IPv6 host in brackets."""
    host = settings.HOST.strip("[]")
    return f"[{host}]:{settings.PORT}" if ":" in host else f"{host}:{settings.PORT}"


def web() -> list[str]:
    """gunicorn; the variable WEB_CONCURRENCY, which it reads itself, sets its processes."""
    os.environ.setdefault("WEB_CONCURRENCY", str(min(cores(), MOST_WEB_PROCESSES)))
    return [
        *("gunicorn", "seedream_site.wsgi:application", "--bind", address()),
        *("--worker-class", "gthread", "--threads", str(WEB_THREADS)),
        *("--keep-alive", str(WEB_KEEP_ALIVE_SECONDS)),
        *("--graceful-timeout", str(WEB_GRACEFUL_SECONDS)),
        "--no-control-socket",
    ]


def _celery_worker(queue: str, threads: int) -> list[str]:
    return [
        *("celery", "--quiet", "--app", "seedream_site", "worker", "--loglevel", "INFO"),
        *("--queues", queue, "--hostname", f"{queue}@%h"),
        *("--pool", "threads", "--concurrency", str(threads)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def worker() -> list[str]:
    """Talks to providers: many threads, nearly all of which wait."""
    return _celery_worker("provider", settings.WORKER_THREADS)


def images() -> list[str]:
    """Labels images: as many threads as there are cores, as all of them compute."""
    return _celery_worker("images", cores())


def beat() -> list[str]:
    """Sends the hints that recur: recovery, reconciliation."""
    schedule = settings.DATA_DIR / "run" / "beat-schedule"
    schedule.parent.mkdir(parents=True, exist_ok=True)
    return [
        # INFO is a line for every hint, each few seconds.
        *("celery", "--quiet", "--app", "seedream_site", "beat", "--loglevel", "WARNING"),
        *("--schedule", str(schedule)),
    ]


PROGRAMS: dict[str, Callable[[], list[str]]] = {
    "web": web,
    "worker": worker,
    "images": images,
    "beat": beat,
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedream_site.settings")
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in PROGRAMS:
        sys.exit(f"Name one program: {', '.join(PROGRAMS)}.")
    os.chdir(settings.BASE_DIR)
    os.execv(sys.executable, [sys.executable, "-W", WARNINGS, "-m", *PROGRAMS[name]()])  # noqa: S606


if __name__ == "__main__":
    main()
