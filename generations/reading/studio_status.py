"""The state of the studio as text for admins, with what to do."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.phrases import listed
from generations import readiness
from generations.queues import IMAGES, PROVIDER
from generations.readiness import backlog, signs
from generations.readiness.backlog import Waiting
from generations.readiness.signs import Disk, WorkerSign

STEPS = {
    "queued": gettext_lazy("In line"),
    "submitting": gettext_lazy("Being sent to a provider"),
    "running": gettext_lazy("At a provider"),
    "fetch": gettext_lazy("Images to fetch"),
    "label": gettext_lazy("Images to label"),
    "export": gettext_lazy("Exports to make"),
    "unknown": gettext_lazy("Outcome unknown"),
}
QUEUES = {
    PROVIDER: gettext_lazy("talks to providers"),
    IMAGES: gettext_lazy("labels images, makes exports"),
}
ROOMS = {
    "data": gettext_lazy("Data"),
    "originals": gettext_lazy("Originals"),
    "renditions": gettext_lazy("Labelled images"),
}


@dataclass(frozen=True)
class Part:
    """One part of the studio: whether it works, its state, and what to do if it does not work."""

    name: str
    title: str
    ok: bool
    detail: str
    to_do: str


@dataclass(frozen=True)
class WorkerRow:
    """One worker; `tone` is ok or bad."""

    name: str
    does: str
    started: str
    turned: str
    tone: str


@dataclass(frozen=True)
class StepRow:
    """How much work waits at one step, and for how long the oldest has waited."""

    step: str
    title: str
    count: str
    age: str


@dataclass(frozen=True)
class DiskRow:
    """One disk; `tone` is ok, warn or bad."""

    title: str
    left: str
    tone: str
    used_share: int


@dataclass(frozen=True)
class StudioStatus:
    """Everything that the page shows. Parts that do not work come first."""

    ok: bool
    parts: list[Part]
    workers: list[WorkerRow]
    steps: list[StepRow]
    disks: list[DiskRow]
    unknown: bool


def status() -> StudioStatus:
    """The state of the studio as this process sees it."""
    parts = _parts()
    steps = backlog.waiting()
    return StudioStatus(
        ok=all(part.ok for part in parts),
        parts=parts,
        workers=[_worker(sign) for sign in signs.workers()],
        steps=[_step(each) for each in steps],
        disks=[_disk(disk) for disk in signs.disks()],
        unknown=any(each.step == "unknown" and each.count for each in steps),
    )


def _parts() -> list[Part]:
    found = readiness.look()
    parts = [
        Part(
            name=name,
            title=str(check.title),
            ok=found[name].ok,
            detail=found[name].detail,
            to_do="" if found[name].ok else str(check.to_do),
        )
        for name, check in readiness.CHECKS.items()
        if name in found
    ]
    return sorted(parts, key=lambda part: part.ok)


def _worker(sign: WorkerSign) -> WorkerRow:
    turned = sign.turned_seconds
    return WorkerRow(
        name=sign.name,
        does=listed(*(QUEUES.get(queue, queue) for queue in sign.queues)),
        started=_ago(sign.started_seconds),
        turned=_("not yet") if turned is None else _ago(turned),
        tone="ok" if sign.turns else "bad",
    )


def _step(waiting: Waiting) -> StepRow:
    most = backlog.COUNTED_MOST
    count = f"{waiting.count:,}" if waiting.count <= most else _("more than %s") % f"{most:,}"
    age = _age(waiting.since) if waiting.since else ""
    return StepRow(waiting.step, str(STEPS[waiting.step]), count, age)


def _disk(disk: Disk) -> DiskRow:
    tone = "bad" if disk.is_full else "warn" if disk.is_nearly_full else "ok"
    left = _("%(free)s of %(total)s GB") % {
        "free": f"{disk.free / signs.GIGABYTE:,.1f}",
        "total": f"{disk.total / signs.GIGABYTE:,.1f}",
    }
    used = round(100 * (1 - disk.free / max(disk.total, 1)))
    return DiskRow(str(ROOMS[disk.name]), left, tone, used)


def _age(since: datetime) -> str:
    return duration((timezone.now() - since).total_seconds())


def _ago(seconds: float) -> str:
    return _("%(duration)s ago") % {"duration": duration(seconds)}


def duration(seconds: float) -> str:
    """A length of time in its largest whole unit, from seconds to days."""
    whole = max(0, int(seconds))
    if whole < 120:
        return ngettext("%d second", "%d seconds", whole) % whole
    if whole < 2 * 3600:
        return ngettext("%d minute", "%d minutes", whole // 60) % (whole // 60)
    if whole < 2 * 86400:
        return ngettext("%d hour", "%d hours", whole // 3600) % (whole // 3600)
    return ngettext("%d day", "%d days", whole // 86400) % (whole // 86400)
