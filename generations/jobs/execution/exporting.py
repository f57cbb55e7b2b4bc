"""Making exports: a worker claims one, lets its kind write the file, and moves it to storage.

A worker keeps its claim while its heartbeat continues and the export gets on. What dies or stands
still is started anew, at most `MAX_TRIES` times. A stop of the worker uses up no try.
"""

import errno
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.evidence.export import sha256_of_written
from accounts.evidence.selection import ErasedMeanwhile
from accounts.stored_texts import in_english
from generations import storage
from generations.exports import ends
from generations.exports.kinds import CannotMake, Step
from generations.exports.registry import kind_of, stored_name
from generations.jobs import in_hand
from generations.models import Export

log = logging.getLogger(__name__)

MAX_TRIES = 5
# After this, it is not started anew, whatever the reason for which it broke off.
PATIENCE = timedelta(hours=24)
# Seconds until the next try: storage may be away for a while.
PAUSES = (10, 60, 300, 900)
NOTE_SECONDS = 1.0
# Without a note for so long, an export stands still. Storing the largest file takes less.
STANDSTILL = timedelta(minutes=30)
# The most that a bucket takes in one request.
MOST_BYTES = 5 * 2**30
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _Lost(Exception):
    """The export was deleted, or another worker has it."""


class _Stopping(Exception):
    """This worker is told to stop."""


def due() -> QuerySet[Export]:
    """The exports that may be made now, the longest waiting first."""
    waiting = Export.objects.filter(state=Export.State.WAITING)
    return waiting.filter(next_action_at__lte=timezone.now()).order_by("next_action_at")


def standing_still() -> QuerySet[Export]:
    """The exports that a worker makes, but does not get on with."""
    making = Export.objects.filter(state=Export.State.MAKING)
    return making.filter(next_action_at__lt=timezone.now() - STANDSTILL)


@in_english()
def make(export_id: int, worker: str, *, is_closed: Callable[[], bool] = lambda: False) -> None:
    """Make one export, unless it is claimed already. Stops soon after `is_closed` returns True."""
    export = _claim(export_id, worker)
    if export is None:
        return
    try:
        _refuse_hopeless(export)
        _write(export, is_closed)
    except _Lost:
        log.info("export %s was deleted, or another worker makes it", export.uuid)
    except _Stopping:
        _release(export, counts=False)
    except ErasedMeanwhile:
        log.info("export %s starts anew, because personal text was erased", export.uuid)
        _release(export, counts=True)
    except CannotMake as error:
        ends.fail(export, str(error))
    except Exception as error:
        if not _is_full_disk(error):
            _release(export, counts=True)
            raise
        ends.fail(export, _disk_full())
    finally:
        ends.let_go(export)


def _claim(export_id: int, worker: str) -> Export | None:
    in_hand.take(worker, Export(pk=export_id))
    claimed = (
        due()
        .filter(pk=export_id)
        .update(
            state=Export.State.MAKING,
            claimed_by=worker,
            tries=F("tries") + 1,
            next_action_at=timezone.now(),
            done=0,
            total=None,
            is_stored=True,
        )
    )
    rows = Export.objects.select_related("user__team", "team")
    return rows.get(pk=export_id) if claimed else None


def _refuse_hopeless(export: Export) -> None:
    if export.tries > MAX_TRIES or timezone.now() - export.created_at > PATIENCE:
        raise CannotMake(str(ends.TRIED) % {"count": export.tries - 1})
    if not kind_of(export).may_have(export):
        raise CannotMake(_("You may no longer read what you asked for."))


def _write(export: Export, is_closed: Callable[[], bool]) -> None:
    with storage.new_part(str(export.uuid)) as part:
        facts = _follow(export, part, is_closed)
        size, sha256 = part.stat().st_size, sha256_of_written(part)
        _note(export, Step(export.done, export.total))
        storage.keep(stored_name(export), part)
    if not ends.finish(export, bytes=size, sha256=sha256, facts=facts):
        ends.discard(export)
        raise _Lost


def _follow(export: Export, part: Path, is_closed: Callable[[], bool]) -> dict[str, Any]:
    """Let the kind write the file, and note how far it has come; returns what it holds."""
    steps, noted = kind_of(export).make(export, part), time.monotonic()
    try:
        while True:
            step = next(steps)
            if is_closed():
                raise _Stopping
            if time.monotonic() - noted >= NOTE_SECONDS:
                _note(export, step)
                _refuse_too_large(part)
                noted = time.monotonic()
    except StopIteration as end:
        facts: dict[str, Any] = end.value
        _refuse_too_large(part)
        return facts
    finally:
        steps.close()


def _note(export: Export, step: Step) -> None:
    """Note how far the export has come. Raises _Lost if it is no longer this worker's."""
    export.done, export.total = step
    noted = ends.mine(export).update(
        done=step.done, total=step.total, next_action_at=timezone.now()
    )
    if not noted:
        raise _Lost


def _refuse_too_large(part: Path) -> None:
    if part.exists() and part.stat().st_size > MOST_BYTES:
        raise CannotMake(str(ends.TOO_LARGE) % {"size": MOST_BYTES // 2**30})


def _release(export: Export, *, counts: bool) -> None:
    """Release a claim. `counts` says whether the failure uses up a try."""
    tries = export.tries if counts else export.tries - 1
    pause = PAUSES[min(export.tries, len(PAUSES)) - 1] if counts else 0
    ends.mine(export).update(
        state=Export.State.WAITING,
        claimed_by="",
        tries=tries,
        next_action_at=timezone.now() + timedelta(seconds=pause),
    )


def _is_full_disk(error: BaseException) -> bool:
    causes = (error, error.__cause__, error.__context__)
    return any(isinstance(each, OSError) and each.errno in FULL for each in causes)


def _disk_full() -> str:
    return _("The studio's disk is full. Tell an admin, and ask for the export again later.")
