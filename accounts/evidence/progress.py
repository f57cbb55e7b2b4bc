"""Verifies the log step by step while the studio works, and remembers how far it has come.

One verification follows the newest records. Another one reads all records again, once a day, so
that a record that was changed after it was verified is found, too. A step ends at a checkpoint,
whose signature covers all records before it.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts import audit
from accounts.evidence import checkpoints, entries, lines, live, unnamed, verify
from accounts.evidence.checkpoints import Note
from accounts.evidence.live import Log
from accounts.evidence.teams import Teams
from accounts.models import Checkpoint, Leaf, Verification

# Records of one step, unless the next checkpoint is further away.
STEP = 2000
# Batches of ledger entries that a step looks at: more than its records name.
BATCHES = 4
# Checkpoints among which the last one of a step is looked for: near ones first, and all.
NEAR = 50
MOST = 1000
SECONDS = 10.0
AGAIN = timedelta(days=1)
# Verification comes every minute, so this is no passing delay.
LATE = timedelta(minutes=15)
MISSING = "The log is shorter than it was, or a checkpoint is gone."


@dataclass(frozen=True)
class Standing:
    """All records before the place `size` were verified, the last of them at `at`.

    `number` is the number of the last one, as pages show it; None if it is gone.
    `whole_at` is when all records were last read again. `trouble` says what is wrong with the
    record `first_bad` or, if that is None, with the log. `late` is whether verification stands
    still.
    """

    size: int
    at: datetime | None
    whole_at: datetime | None
    trouble: str
    first_bad: int | None
    late: bool
    number: int | None = None

    @property
    def last(self) -> int | None:
        """The place of the last verified record."""
        return self.size - 1 if self.size else None


def standing() -> Standing:
    """How far the log is verified, for the pages and the watch. It reads a few rows."""
    last = Leaf.objects.filter(place=OuterRef("size") - 1).values("record_id")
    rows = {row.name: row for row in Verification.objects.annotate(number=Subquery(last))}
    new = rows.get(Verification.NEW) or Verification()
    again = rows.get(Verification.AGAIN) or Verification()
    bad = new if new.trouble else again
    return Standing(
        new.size,
        new.at,
        again.whole_at,
        bad.trouble,
        bad.first_bad,
        _is_late(new),
        getattr(new, "number", None),
    )


def _is_late(new: Verification) -> bool:
    waiting = _further(new.size).order_by("size").first()
    return waiting is not None and not new.trouble and waiting.at < timezone.now() - LATE


def advance(*, seconds: float = SECONDS) -> None:
    """Verify new records, then older ones again, for about `seconds` each."""
    for name in (Verification.NEW, Verification.AGAIN):
        end = time.monotonic() + seconds
        while _step(name) and time.monotonic() < end:
            pass


def look(*, seconds: float) -> list[str]:
    """Look at records that were not verified yet, for `seconds`; return what is wrong with them.

    It writes nothing. It stops when the time is over, at the next batch of records.
    """
    # Not its other columns: an upgrade looks before it migrates, so they may not be there yet.
    known = Verification.objects.filter(name=Verification.NEW).only("size", "peaks")
    row = known.first() or Verification()
    end = time.monotonic() + seconds
    size, peaks = row.size, row.peaks
    while (checkpoint := _next(size)) and time.monotonic() < end:
        log = _verify(size, peaks, checkpoint, until=end)
        if not log.is_sound:
            return list(log.integrity["told"]) or [MISSING]
        size, peaks = checkpoint.size, _peaks(log)
    return []


def restart() -> None:
    """Begin anew: the log has been sealed as it is, after damage that somebody accepted."""
    Verification.objects.all().delete()


def _step(name: str) -> bool:
    """Verify up to a checkpoint. Returns whether that went well, so that there may be more."""
    row, _ = Verification.objects.get_or_create(name=name)
    if name == Verification.AGAIN:
        row = _begun_again(row)
    checkpoint = _next(row.size)
    if checkpoint is None:
        _conclude(row)
        return False
    log = _verify(row.size, row.peaks, checkpoint)
    entry = _look_at_entries(log, after=row.entry)
    _keep(row, log, checkpoint, entry)
    return log.is_sound


def _begun_again(row: Verification) -> Verification:
    """The row, set back to the first record if its last round began long enough ago."""
    now = timezone.now()
    is_over = row.began_at is None or (row.whole_at and row.began_at < now - AGAIN)
    is_whole = row.whole_at and row.began_at and row.whole_at >= row.began_at
    if row.began_at is None or (is_over and is_whole):
        row.size, row.peaks, row.entry, row.began_at = 0, [], 0, now
        row.save()
    return row


def _next(size: int) -> Checkpoint | None:
    """The checkpoint at which a step from `size` on ends: one that shows no accepted damage."""
    accepting = verify.Log()
    accepting.accepted = live.accepted(_newest_size())
    further = _further(size)
    near = further.filter(size__lte=size + STEP).order_by("-size", "-pk")[:NEAR]
    for row in islice(chain(near, checkpoints.in_order(further)), MOST):
        if not accepting.accepts(row.size - 1, row.size - 1, _time_in(row)):
            return row
    return further.order_by("pk").last()


def _further(size: int) -> QuerySet[Checkpoint]:
    """The checkpoints after `size`, without those of a longer log that was lost."""
    return Checkpoint.objects.filter(size__gt=size, size__lte=Subquery(_sizes()[:1]))


def _newest_size() -> int:
    """How many records the newest checkpoint covers."""
    return _sizes().first() or 0


def _sizes() -> QuerySet[Checkpoint, int]:
    """How many records each checkpoint covers, the newest checkpoint first."""
    return Checkpoint.objects.order_by("-pk").values_list("size", flat=True)


def _time_in(row: Checkpoint) -> str:
    """The time in the signed text; an empty text if that is malformed."""
    try:
        return Note(row.note).at
    except (ValueError, TypeError):
        return ""


def _verify(
    first: int, peaks: list[list[object]], checkpoint: Checkpoint, *, until: float | None = None
) -> Log:
    """Verify the records from `first` up to a checkpoint; only a part of them, if time is over."""
    log = Log(first, checkpoint.size - 1, checkpoint.size)
    with live.reading(log.fault, "verified subtrees"):
        log.peaks = [(level, bytes.fromhex(str(found))) for level, found in peaks]
    log.keys = live.public_keys(log)
    # The step ends at a checkpoint that shows no accepted damage, so its root must match.
    log.accepted = [each for each in live.accepted(_newest_size()) if not each[2]]
    log.note = _note(log, checkpoint)
    teams, named = Teams(), live.Named()
    log.entries = named
    with live.reading(log.fault, "records"):
        for line, record, found in entries.beside(lines.sealed(first, log.last, teams=True)):
            named.extend(found)
            live.take(log, line, record, teams, named)
            if until and time.monotonic() > until:
                return log
        _pass_over_erased(log)
        log.finish([])
    return log


def _note(log: Log, checkpoint: Checkpoint) -> Note | None:
    try:
        return Note(checkpoint.note)
    except (ValueError, TypeError):
        log.fault(f"The checkpoint of {checkpoint.size} records is malformed.")
        return None


def _pass_over_erased(log: Log) -> None:
    """Forget payloads that a record erased, which usually comes much later."""
    emptied = list(log.emptied)
    for start in range(0, len(emptied), lines.BATCH):
        for identifier in audit.erasing.erased(emptied[start : start + lines.BATCH]):
            del log.emptied[identifier]


def _look_at_entries(log: Log, *, after: int) -> int:
    """Look whether records name the next ledger entries. Returns the key of the last of them."""
    accepted = live.accepted_rows(_newest_size())
    for batch in islice(unnamed.batches(after), BATCHES):
        for changed in live.unnamed_in(batch):
            if changed.row not in accepted:
                log.fault(changed.sentence)
        after = batch[-1].pk
    return after


def _keep(row: Verification, log: Log, checkpoint: Checkpoint, entry: int) -> None:
    rows = Verification.objects.filter(name=row.name, size=row.size)  # else another was first
    if log.is_sound:
        values = {"size": checkpoint.size, "peaks": _peaks(log), "entry": entry}
        values["at"] = timezone.now()
        rows.update(**values, trouble="", first_bad=None)
    else:
        told = (log.integrity["told"] or [MISSING])[0]
        rows.update(trouble=told, first_bad=log.integrity["first_bad"])


def _peaks(log: Log) -> list[list[object]]:
    return [[level, found.hex()] for level, found in log.peaks]


def _conclude(row: Verification) -> None:
    """Note that the newest record was reached, or that the log is shorter than it was."""
    newest = _newest_size()
    rows = Verification.objects.filter(name=row.name, size=row.size)
    if newest < row.size:
        rows.update(trouble=MISSING, first_bad=newest)
    else:
        rows.update(whole_at=timezone.now())
