"""Real worker processes on the test's own database and broker, to be started and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from generations.models import Generation

ROOT = Path(__file__).resolve().parents[2]
# A busy machine may take this long for what comes at once on an idle one.
PATIENCE_SECONDS = 600
# The studio waits longer too, so that a slow machine gives up no more often than a fast one.
PATIENT = {"PROVIDER_TIME_SCALE": "0.02", "PROVIDER_RETRY_SECONDS": str(50 * 24 * 3600)}


class Workers:
    """A worker and, if asked for, beat in their own processes. `kill` sends SIGKILL to each group.

    Each start of a process takes two seconds of processor time, and no run depends on beat.
    """

    def __init__(self, tmp_path: Path, **env: str) -> None:
        self.tmp_path = tmp_path
        self.env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "seedream_site.settings",
            "DATABASE_URL": database_url(),
            **PATIENT,
            **env,
        }
        self.processes: list[subprocess.Popen] = []

    def start(self, *, beat: bool = False, program: str = "celery") -> None:
        """`program` is a module to run in place of Celery's command."""
        self.program = program
        self._celery("worker", "-P", "threads", "-c", "12", "-Q", "provider,images", "-l", "INFO")
        if beat:
            schedule = self.tmp_path / "beat-schedule"
            self._celery("beat", "-s", str(schedule), "--pidfile=", "-l", "WARNING")

    def kill(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=PATIENCE_SECONDS)
        self.processes.clear()

    def assert_alive(self) -> None:
        """Fail if a worker has ended by itself, and show its log."""
        ended = [process.args for process in self.processes if process.poll() is not None]
        assert not ended, f"ended: {ended}\n{self.log()[-8000:]}"

    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.tmp_path.glob("*.log")))

    def _celery(self, *arguments: str) -> None:
        command = [sys.executable, "-m", self.program, "-A", "seedream_site", *arguments]
        with (self.tmp_path / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)


def database_url() -> str:
    """The URL of the test's database, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password = database["USER"], database["PASSWORD"]
    place = f"{database['HOST'] or '127.0.0.1'}:{database['PORT'] or 5432}"
    return f"postgres://{user}:{password}@{place}/{database['NAME']}"


def empty_broker() -> None:
    """Delete every message, as a broker that lost its disk would."""
    if settings.CELERY_BROKER_URL:
        import redis

        with redis.Redis.from_url(settings.CELERY_BROKER_URL) as server:
            for queue in ("provider", "images"):
                server.delete(queue)
        return
    for message in settings.BROKER_DIR.glob("*.msg"):
        message.unlink(missing_ok=True)


def put_off_deadlines() -> None:
    """Move deadlines, because how long workers stay dead depends on the machine."""
    late = timezone.now() + timedelta(hours=1)
    Generation.objects.filter(deadline_at__isnull=False).update(deadline_at=late)


def wait_for(condition: Callable[[], object], what: str, workers: Workers | None = None) -> object:
    """Wait until `condition` returns something true.

    Fails with the workers' log if one of them has ended by itself, or after a long while.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        if workers:
            workers.assert_alive()
        time.sleep(0.05)
    raise AssertionError(f"never: {what}\n{workers.log()[-8000:] if workers else ''}")
