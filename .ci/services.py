"""Runs a command with PostgreSQL and Redis: `.ci/services.py COMMAND ARGUMENT ...`

TEST_DATABASE_URL and TEST_REDIS_URL name them. If one does not answer, a server is started in a
temporary folder; if its package is missing, it is installed, where the system allows it.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import packages
import psycopg
import redis

DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/test")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/8")
REDIS_DATABASES = 16
START_SECONDS = 60


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


# PostgreSQL


@contextmanager
def postgresql(url: str) -> Iterator[str]:
    """The URL of a PostgreSQL that answers: `url`, or one that runs only during this command."""
    if postgresql_answers(url):
        say(f"PostgreSQL: the one at {host_of(url)}.")
        yield url
        return
    programs = postgresql_programs()
    with tempfile.TemporaryDirectory() as folder:
        user = user_without_rights(folder)
        data = Path(folder) / "data"
        options = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(  # noqa: S603
            [programs / "initdb", *options],
            check=True,
            cwd=folder,
            user=user,
            stdout=subprocess.DEVNULL,
        )
        port = free_port()
        started = f"postgres://postgres@127.0.0.1:{port}/test"
        # No socket file: a temporary folder's path may be too long for one.
        options = ["-D", data, "-p", str(port), "-k", "", "-c", "fsync=off"]
        options += ["-c", "log_min_messages=fatal"]
        command = [programs / "postgres", *options]
        with running(command, user=user, answers=lambda: postgresql_answers(started)):
            say(f"PostgreSQL: none at {host_of(url)}, so one was started at {host_of(started)}.")
            yield started


def postgresql_answers(url: str) -> bool:
    """Whether a server accepts a connection. The tests make the test database themselves."""
    try:
        psycopg.connect(url, dbname="postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def postgresql_programs() -> Path:
    """The folder of PostgreSQL's programs, which Debian does not put on the PATH."""
    for attempt in (1, 2):
        on_path = shutil.which("initdb")
        # Newest last: compared as numbers.
        by_version = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/initdb"),
            key=lambda path: int(path.parts[-3]),
        )
        found = [*([Path(on_path)] if on_path else []), *by_version]
        if found:
            return found[-1].parent
        if attempt == 1:
            packages.install("postgresql")
    return sys.exit("The tests need PostgreSQL, and its package brought no initdb.")


def user_without_rights(folder: str) -> str | None:
    """The user to run as instead of root, who then owns `folder`; None if this is not root.

    PostgreSQL refuses to run as root.
    """
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    return user


# Redis


@contextmanager
def redis_server(url: str) -> Iterator[str]:
    """The URL of a Redis that answers: `url`, or one that runs only during this command."""
    if redis_answers(url):
        say(f"Redis: the one at {host_of(url)}.")
        yield url
        return
    if shutil.which("redis-server") is None:
        packages.install("redis-server")
    port = free_port()
    started = f"redis://127.0.0.1:{port}/0"
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--dir", folder]
        with running(command, answers=lambda: redis_answers(started)):
            say(f"Redis: none at {host_of(url)}, so one was started at {host_of(started)}.")
            yield started


def redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def next_redis_database(url: str) -> str:
    """The database after that of `url`, so that emptying the cache does not touch the broker."""
    parts = urlsplit(url)
    number = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{(number + 1) % REDIS_DATABASES}").geturl()


# Both


@contextmanager
def running(
    command: list, *, answers: Callable[[], bool], user: str | None = None
) -> Iterator[None]:
    """Run a server within the context; exit if it does not answer in `START_SECONDS`."""
    server = subprocess.Popen(  # noqa: S603
        command, cwd="/", user=user, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{Path(command[0]).name} was started but does not answer.")
            time.sleep(0.1)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL: do not wait for clients to leave.
        server.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def host_of(url: str) -> str:
    """Host and port of `url`, which may carry a password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


def main() -> int:
    with postgresql(DATABASE_URL) as database_url, redis_server(REDIS_URL) as cache_url:
        environment = {
            "DATABASE_URL": database_url,
            "CACHE_URL": cache_url,
            "CELERY_BROKER_URL": next_redis_database(cache_url),
        }
        return subprocess.call(sys.argv[1:], env=os.environ | environment)  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
