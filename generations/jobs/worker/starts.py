"""Failed starts, counted across processes. Each makes the pause before the next start longer."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

FIRST_SECONDS, MOST_SECONDS = 1.0, 30.0


def program_of(queues: Sequence[str]) -> str:
    """The name of a worker that serves `queues`, in the log and in the name of its counter."""
    return "worker-" + "-".join(queues)


def pause_after_failure(program: str) -> float:
    """Count a failed start of `program`; returns the seconds to wait: 1, 2, 4 … 30.

    If the count can't be written, every pause is the longest.
    """
    path = _path(program)
    failures = _count(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(failures + 1))
    except OSError:
        return MOST_SECONDS
    return float(min(FIRST_SECONDS * 2 ** min(failures, 10), MOST_SECONDS))


def forget_failures(program: str) -> None:
    """Forget the failed starts of `program`, because it has started."""
    try:
        _path(program).unlink(missing_ok=True)
    except OSError:
        return  # the next pause is longer than necessary


def _path(program: str) -> Path:
    return Path(settings.DATA_DIR) / "run" / f"{program}.failed-starts"


def _count(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
