"""Tells admins when the studio does not do its work, and when it does again.

Every web process and every worker looks in its own thread, so the watch continues while any of them
lives. A look costs a few indexed reads, however large the backlog. `accounts.notices` tells each
cause once, however many processes find it.
"""

import logging
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import DatabaseError, connections
from django.utils import timezone

from accounts import ledger, notices, operations, sealing
from accounts.evidence import progress
from accounts.notices import Kind
from accounts.stored_texts import in_english
from generations import conversions, postings, proof
from generations.erasing import standing
from generations.jobs import dispatch, heartbeat
from generations.jobs.execution import upstream
from generations.models import UpstreamMark
from generations.notice_kinds import (
    BEAT_SILENT,
    CHECKPOINTS_NOT_COPIED,
    CONVERSIONS_LATE,
    DISK_NEARLY_FULL,
    ERASURE_LATE,
    EXPORTS_UNMADE,
    FILE_DAMAGED,
    LOG_CHANGED,
    LOG_UNVERIFIED,
    MARKS_STOPPED,
    OUTCOME_UNKNOWN,
    PROOF_LATE,
    QUOTAS_LATE,
    RECORDS_UNSEALED,
    RELABELLING_LATE,
    WORK_LATE,
    WORK_UNSENT,
    WORKERS_SILENT,
)
from generations.providers import registry
from generations.queues import IMAGES, PROVIDER
from generations.readiness import backlog, signs
from generations.relabelling import standing as relabelling

log = logging.getLogger(__name__)

LOOK_SECONDS = 20
# Admins are not told of shorter trouble: a studio that starts has no worker yet, and has to catch
# up.
PATIENCE_SECONDS = 60
LATE = timedelta(minutes=2)
# An export may wait for other exports.
EXPORTS_LATE = timedelta(hours=1)
UNKNOWN_TOO_LONG = timedelta(hours=1)
QUOTAS_CHANGE_LATE = timedelta(hours=1)
# A cause that only one machine can see ends when it has not been seen for this long.
UNSEEN = timedelta(minutes=15)
# A damaged file is found when it is requested. The notice ends after a day without a request.
NOT_ASKED_FOR = timedelta(days=1)
KINDS = (
    BEAT_SILENT,
    CONVERSIONS_LATE,
    DISK_NEARLY_FULL,
    ERASURE_LATE,
    EXPORTS_UNMADE,
    OUTCOME_UNKNOWN,
    LOG_CHANGED,
    LOG_UNVERIFIED,
    MARKS_STOPPED,
    PROOF_LATE,
    QUOTAS_LATE,
    RECORDS_UNSEALED,
    RELABELLING_LATE,
    WORK_UNSENT,
    postings.STAND_STILL,
    *CHECKPOINTS_NOT_COPIED.values(),
    *WORK_LATE.values(),
    *WORKERS_SILENT.values(),
)


class Observation(NamedTuple):
    """Whether the state of `kind` holds for `cause` now.

    Admins are told when it has held at every look for `patience` seconds, and at two looks at
    least.
    """

    kind: Kind
    cause: str
    holds: bool
    facts: Mapping[str, Any]
    patience: float = PATIENCE_SECONDS


class Watch:
    """The watch of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_look = time.monotonic() + LOOK_SECONDS
        # For each state that the last look found: when it was first found.
        self._suspected: dict[tuple[Kind, str], float] = {}

    def look(self) -> None:
        """Look if the next look is due. Safe in any thread, as often as you like; never raises."""
        if time.monotonic() < self._next_look or not self._lock.acquire(blocking=False):
            return
        try:
            # At random, so that processes do not all look at the same moment.
            self._next_look = time.monotonic() + LOOK_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311
            operations.catch_up()
            self.look_at(time.monotonic())
        except DatabaseError as error:  # its text may name the host
            log.warning("the watch could not ask the database: %s", type(error).__name__)
        except Exception:
            log.exception("the watch broke off; it looks again in %d s", LOOK_SECONDS)
        finally:
            self._lock.release()

    @in_english()
    def look_at(self, moment: float) -> None:
        """Tell what has held for long enough at `moment` (monotonic seconds); end what is over."""
        observations, told = list(_observations()), notices.lasting(KINDS)
        for kind, cause, holds, facts, patience in observations:
            first = self._suspected.get((kind, cause))
            if holds and first is not None and moment - first >= patience:
                notices.raise_notice(kind, cause=cause, facts=facts)
            elif not holds and (kind.name, cause) in told:
                notices.end(kind, cause=cause)
        found = [(each.kind, each.cause) for each in observations if each.holds]
        self._suspected = {each: self._suspected.get(each, moment) for each in found}
        notices.end_unseen(KINDS, before=timezone.now() - UNSEEN)
        notices.end_unseen([FILE_DAMAGED], before=timezone.now() - NOT_ASKED_FOR)


_watch = Watch()


def look() -> None:
    """Let the watch of this process look if its next look is due. Cheap, and safe in any loop."""
    _watch.look()


def start() -> threading.Event:
    """Look in a thread of this process from now on; returns the event that stops it."""
    stop = threading.Event()
    threading.Thread(target=_keep_looking, args=(stop,), name="watch", daemon=True).start()
    return stop


def _keep_looking(stop: threading.Event) -> None:
    while not stop.wait(LOOK_SECONDS / 4):
        try:
            look()
            connections.close_all()
        except Exception:
            log.exception("the watch broke off; it goes on")


def _observations() -> Iterator[Observation]:
    workers = signs.workers()
    busy = signs.queues_at_work(workers)
    for queue, kind in WORKERS_SILENT.items():
        # A queue that was served before, but not for a minute, needs no more patience. One that
        # never was does, because the studio may be starting.
        is_silent = (heartbeat.silent_seconds(queue) or 0) >= signs.SILENCE_SECONDS
        patience = 0 if is_silent else PATIENCE_SECONDS
        yield Observation(kind, queue, queue not in busy, {}, patience)
    yield from _late_work(busy)
    yield from _unknown_outcomes()
    yield from _marks()
    yield from _seal()
    yield from _erasures()
    yield from _relabellings()
    yield from _disks()
    yield from _credits()
    yield Observation(postings.STAND_STILL, "outlet", postings.is_late(), {})


def _late_work(busy: set[str]) -> Iterator[Observation]:
    """Work that the `busy` queues should have done. Idle queues have their own kind of notice."""
    before = timezone.now() - LATE
    if PROVIDER in busy:
        seconds = signs.beat_seconds()
        is_silent = seconds is None or seconds > signs.SILENCE_SECONDS
        yield Observation(BEAT_SILENT, "beat", is_silent, {})
        for provider in filter(registry.slots, registry.provider_names()):
            is_stalled = dispatch.stalled(provider, before=before)
            yield Observation(WORK_UNSENT, provider, is_stalled, _label(provider))
    for step, is_late in backlog.late(before).items():
        if (IMAGES if step == "label" else PROVIDER) in busy:
            yield Observation(WORK_LATE[step], step, is_late, {})
    if IMAGES in busy:
        is_late = backlog.exports_late(timezone.now() - EXPORTS_LATE)
        yield Observation(EXPORTS_UNMADE, "export", is_late, {})
    yield Observation(CONVERSIONS_LATE, "conversions", conversions.late(), {})


def _unknown_outcomes() -> Iterator[Observation]:
    before = timezone.now() - UNKNOWN_TOO_LONG
    for provider in registry.provider_names():
        is_unknown = backlog.unknown_since(before, provider)
        yield Observation(OUTCOME_UNKNOWN, provider, is_unknown, _label(provider))


def _label(provider: str) -> dict[str, str]:
    return {"provider": registry.adapter_class(provider).label}


def _marks() -> Iterator[Observation]:
    engines = registry.known_engines()
    for row in UpstreamMark.objects.all():  # at most two for each engine
        engine = engines.get(row.engine)
        facts = {"engine": engine.label if engine else row.engine, "mark": row.kind.upper()}
        cause = f"{row.engine} {row.kind}"
        yield Observation(MARKS_STOPPED, cause, upstream.is_lost(row), facts)


def _seal() -> Iterator[Observation]:
    standing = sealing.sealing()
    yield Observation(RECORDS_UNSEALED, "log", standing.late, {"reason": standing.reason})
    for name, standing in sealing.copying().items():
        facts = {"reason": standing.reason}
        yield Observation(CHECKPOINTS_NOT_COPIED[name], name, standing.late, facts)
    verified = progress.standing()
    yield Observation(LOG_CHANGED, "log", bool(verified.trouble), {"reason": verified.trouble})
    yield Observation(LOG_UNVERIFIED, "log", verified.late, {})


def _erasures() -> Iterator[Observation]:
    reason = standing.why_late()
    yield Observation(ERASURE_LATE, "erasures", reason is not None, {"reason": reason or ""})


def _relabellings() -> Iterator[Observation]:
    reason = relabelling.why_late()
    facts = {"reason": reason or ""}
    yield Observation(RELABELLING_LATE, "relabellings", reason is not None, facts)


def _credits() -> Iterator[Observation]:
    before = timezone.now() - QUOTAS_CHANGE_LATE
    is_overdue = ledger.has_overdue_top_ups(before) or ledger.has_overdue_plans(before)
    yield Observation(QUOTAS_LATE, "quotas", is_overdue, {})
    yield Observation(PROOF_LATE, "proof", proof.is_late(), {})


def _disks() -> Iterator[Observation]:
    machine = socket.gethostname()
    for disk in signs.disks():
        facts = {"machine": machine, "free": f"{disk.free / signs.GIGABYTE:.1f}"}
        yield Observation(DISK_NEARLY_FULL, f"{machine} {disk.name}", disk.is_nearly_full, facts)
