"""`make run`: starts the studio from an installed folder, and stops it cleanly.

Checks what would prevent the start, brings the database and files up to date, then runs the
programs of `supervisor.conf` under a supervisor that restarts those that end. It stops when it is
told to (Ctrl-C, TERM, a closed terminal) or when the process that started it has ended. No program
outlives it.
"""

import argparse
import configparser
import errno
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from seedream_site.console import Console
from seedream_site.programs import address

PROJECT = Path(__file__).resolve().parent.parent
SUPERVISOR_CONFIG = Path(__file__).with_name("supervisor.conf")
LOOK_AROUND_SECONDS = 0.25
# The address to reach this machine by when HOST means all its addresses.
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class StartError(Exception):
    """The studio cannot start; the message says why and what to do."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


# What would prevent the start


def check_settings() -> None:
    """Raise `StartError` if a setting is missing or wrong, or `DATA_DIR` cannot be made."""
    try:
        _ = (
            settings.DATA_DIR,
            settings.SECRET_KEY,
        )  # reading one setting loads all; Django checks the key
    except (ImproperlyConfigured, ValueError) as error:
        raise StartError(f"a setting is missing or wrong: {error}") from error
    except OSError as error:
        raise _unwritable(error.filename, error) from error


def check_folder(folder: Path) -> None:
    """Raise `StartError` if `folder` cannot be written."""
    try:
        (folder / "run").mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> StartError:
    return StartError(
        f"the folder {folder} can't be written ({error.strerror}): "
        "make it writable, or name another one in DATA_DIR."
    )


def check_port(host: str, port: int) -> None:
    """Raise `StartError` if nothing can listen on `port` of `host`."""
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"port {port} on {host} is taken by another program: "
                f"stop that one, or choose another port as in `make run PORT={port + 1}`."
            ) from error
        reason = (error.strerror or "").partition(" (")[0]
        raise StartError(
            f"nothing can listen on port {port} of {host} ({reason}): change HOST or PORT."
        ) from error


@contextmanager
def the_only_one(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process. Raises `StartError` while another studio runs in it."""
    with (folder / "run" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(f"a studio is running on {folder} already: stop that one.") from error
        yield


# Bringing everything up to date


def prepare() -> None:
    """Migrate the database, collect static files, create the first people, check the result.

    Raises `StartError`.
    """
    say("Bringing the database and the static files up to date.")
    try:
        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("setup_demo")
        call_command("check", databases=["default"])
        _claim_redis()
    except OperationalError as error:
        reason = " ".join(str(error).split())
        raise StartError(f"the database can't be used ({reason}): check DATABASE_URL.") from error
    except CommandError as error:  # also what a failed system check raises
        raise StartError(str(error)) from error
    finally:
        connections.close_all()


def _claim_redis() -> None:
    """Raise `StartError` if another studio uses the same Redis database."""
    from accounts import occupancy  # noqa: PLC0415  # its models load only after django.setup()

    try:
        occupancy.claim()
    except occupancy.Occupied as occupied:
        raise StartError(occupied.message) from occupied


# Running


def supervise(config: Path, *, run_dir: Path, is_ready: Callable[[], bool], greeting: str) -> bool:
    """Run the programs of `config` until told to stop, then stop them all.

    Prints `greeting` once `is_ready` returns True. Returns False if the supervisor ended by itself.
    """
    stop = StopRequest()
    greeted = told = False
    with closing(Console(sys.stdout)) as console:
        for name in program_names(config):
            console.follow_pipe(run_dir / f"{name}.pipe", name=name)
        supervisor = start_supervisor(config, run_dir=run_dir)
        assert supervisor.stdout  # noqa: S101  # it is a pipe
        console.follow(supervisor.stdout, name="supervisor")
        while supervisor.poll() is None:
            console.show(wait_seconds=LOOK_AROUND_SECONDS)
            if not told and (stop.made or console.is_gone):
                console.say("Stopping. Work in hand has up to ten seconds to end.")
                supervisor.terminate()
                told = True
            elif not greeted and is_ready():
                console.say(greeting)
                greeted = True
        console.show(wait_seconds=0)
    return told


def program_names(config: Path) -> list[str]:
    """The names of the programs in a supervisor's configuration file."""
    parser = configparser.RawConfigParser()
    parser.read(config)
    return [name.removeprefix("program:") for name in parser if name.startswith("program:")]


class StopRequest:
    """Whether this process must stop: a signal came, or the process that started it has ended."""

    def __init__(self) -> None:
        self._starter = os.getppid()
        self._signalled = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._receive)

    @property
    def made(self) -> bool:
        return self._signalled or os.getppid() != self._starter

    def _receive(self, *_: object) -> None:
        self._signalled = True


def start_supervisor(config: Path, *, run_dir: Path) -> subprocess.Popen[bytes]:
    """Start supervisord in a separate session, which the terminal's Ctrl-C does not reach.

    A closed terminal would otherwise send it HUP, which supervisord takes for "restart".
    """
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", config],
        cwd=PROJECT,
        env={
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "MIGRATE_DATABASE_URL": "",  # the programs must not act as the owner of the tables
            "STUDIO_PYTHON": sys.executable,
            "STUDIO_RUN_DIR": str(run_dir),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def is_serving() -> bool:
    """Whether the web process answers requests."""
    host = settings.HOST.strip("[]")
    connection = http.client.HTTPConnection(LOOPBACK_OF.get(host, host), settings.PORT, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def greeting() -> str:
    """Where the studio is and how to sign in."""
    person = settings.STUDIO_ADMIN_EMAIL
    return (
        f"\nSeedream Studio is ready at {settings.PUBLIC_URL or f'http://{address()}'}\n"
        f"Sign in as {person} with the password that the first start printed (if it is lost: "
        f".venv/bin/python manage.py changepassword {person}).\n"
        "Ctrl-C stops everything.\n"
    )


# The command


def run() -> None:
    """Check, prepare and supervise. Raises `StartError`."""
    check_settings()
    check_port(settings.HOST, settings.PORT)
    check_folder(settings.DATA_DIR)
    with the_only_one(settings.DATA_DIR):
        prepare()
        run_dir = settings.DATA_DIR / "run"
        if not supervise(
            SUPERVISOR_CONFIG, run_dir=run_dir, is_ready=is_serving, greeting=greeting()
        ):
            raise StartError("the supervisor ended by itself, as said above.")
    say("Stopped.")


def main() -> None:
    arguments = argparse.ArgumentParser(description="Runs the studio.")
    arguments.add_argument(
        "--prepare-only", action="store_true", help="bring database and files up to date, then end"
    )
    prepare_only = arguments.parse_args().prepare_only
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedream_site.settings")
    try:
        prepare() if prepare_only else run()
    except StartError as reason:
        sys.exit(f"Can't start: {reason}")
    except KeyboardInterrupt:
        sys.exit("Stopped before everything was started.")


if __name__ == "__main__":
    main()
