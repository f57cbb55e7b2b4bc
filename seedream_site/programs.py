"""The programs of a running studio: the command line of each, in one place.

`python -m seedream_site.programs NAME` becomes that program. The supervisor of `make run` and the
containers of `compose.yaml` both start programs this way.
"""

import os
import resource
import sys
from collections.abc import Callable

from django.conf import settings

from generations.queues import IMAGES, PROVIDER

# Many, because a slow client occupies a thread, and a waiting thread costs little memory.
WEB_THREADS = 48
# Connections of a process, idle ones included. It needs more open files than connections.
WEB_CONNECTIONS = 1500
WEB_OPEN_FILES = 4096
# Longer than a page waits between two polls.
WEB_KEEP_ALIVE_SECONDS = 15
# For each process, shared by its threads. By default PostgreSQL allows 100 connections in all.
WEB_DATABASE_POOL = 10
# Less than the supervisor waits before it kills.
WEB_GRACEFUL_SECONDS = 8
# One process for each core is best, but a studio on a desktop should leave the machine usable.
MOST_WEB_PROCESSES = 4
# A worker's threads for fetches, reads and recurring tasks, besides those of its main work.
OTHER_THREADS = 20
# Celery warns root at each start because messages may be pickled; the studio's are JSON.
WARNINGS = "ignore:You're running the worker with superuser privileges"


def address() -> str:
    """`HOST:PORT`, with an IPv6 host in brackets."""
    host = settings.HOST.strip("[]")
    return f"[{host}]:{settings.PORT}" if ":" in host else f"{host}:{settings.PORT}"


def web() -> list[str]:
    """The web server, gunicorn, which reads its number of processes from WEB_CONCURRENCY."""
    os.environ.setdefault("WEB_CONCURRENCY", str(min(settings.CORES, MOST_WEB_PROCESSES)))
    os.environ.setdefault("DATABASE_POOL", str(WEB_DATABASE_POOL))
    _allow_open_files(WEB_OPEN_FILES)
    return [
        *("gunicorn", "seedream_site.wsgi:application", "--bind", address()),
        *("--worker-class", "seedream_site.web_worker.PatientWorker"),
        *("--threads", str(WEB_THREADS), "--worker-connections", str(WEB_CONNECTIONS)),
        *("--keep-alive", str(WEB_KEEP_ALIVE_SECONDS)),
        *("--graceful-timeout", str(WEB_GRACEFUL_SECONDS)),
        "--no-control-socket",
    ]


def _allow_open_files(wanted: int) -> None:
    """Raise this process's limit of open files to `wanted`, or as far as the system allows."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _celery_worker(queue: str, threads: int) -> list[str]:
    # No pool: threads that wait for a provider would occupy its connections.
    os.environ["DATABASE_POOL"] = "0"
    return [
        *("celery", "--quiet", "--app", "seedream_site", "worker", "--loglevel", "INFO"),
        *("--queues", queue, "--hostname", f"{queue}@%h"),
        *("--pool", "threads", "--concurrency", str(threads)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def worker() -> list[str]:
    """The worker that calls providers: many threads, nearly all of which wait."""
    return _celery_worker(PROVIDER, settings.WORKER_THREADS + OTHER_THREADS)


def images() -> list[str]:
    """The worker that cleans uploads, one at a time, and labels images, one for each core."""
    return _celery_worker(IMAGES, settings.CORES + OTHER_THREADS)


def beat() -> list[str]:
    """The program that sends the messages of `seedream_site.schedule`; exactly one must run."""
    schedule = settings.DATA_DIR / "run" / "beat-schedule"
    schedule.parent.mkdir(parents=True, exist_ok=True)
    return [
        # INFO would log a line for every message.
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
