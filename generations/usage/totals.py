"""Keeps the totals of days and months in step: each act adds what it changes, in its transaction.

The rows of totals are locked last, after those of what is counted, and always in the same order:
table by table as `TABLES` names them, and in each by key. So no two transactions can wait for each
other.
"""

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Model
from django.utils import timezone

from accounts.models import Team
from generations.models import Generation, Image, PersonMonth, UsageDay, WaitDay, WorkMonth
from generations.models.usage import Used
from generations.states import Status

# Width and height in pixels, whatever they are.
CUSTOM = "custom"
# Of what has ended, by status.
COUNTED = {
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}
STEP = math.log(1.1)
# The columns that are added up.
SUMMED = (
    "spent",
    "released",
    "images",
    "downloaded",
    "succeeded",
    "failed",
    "cancelled",
    "cost_usd",
)
# The tables of totals with the columns that name a row, in the order in which they are locked.
TABLES: dict[type[Used], tuple[str, ...]] = {
    UsageDay: ("day", "team_id", "user_id", "campaign_id", "engine", "format"),
    PersonMonth: ("month", "team_id", "user_id"),
    WorkMonth: ("month", "team_id", "campaign_id", "engine", "format"),
}
CHUNK = 500  # images
LONGEST_WAIT = 7 * 24 * 3600  # seconds; longer ones count as this


def day_of(team: Team, moment: dt.datetime | None = None) -> dt.date:
    """The day of `moment` (default: now) in the team's time zone."""
    return (moment or timezone.now()).astimezone(team.tzinfo).date()


def month_of(day: dt.date) -> dt.date:
    """The first day of its month."""
    return day.replace(day=1)


def key_of(generation: Generation) -> dict[str, Any]:
    """The columns that name the rows of totals in which a generation counts."""
    run = generation.run
    options = run.options
    day = generation.day or day_of(run.team, generation.created_at)
    return {
        "day": day,
        "month": month_of(day),
        "team_id": run.team_id,
        "user_id": run.user_id,
        "campaign_id": run.campaign_id,
        "engine": run.engine,
        "format": CUSTOM if "width" in options else options.get("aspect_ratio", "")[:20],
    }


def ended(generation: Generation, *, spent: int, released: int) -> None:
    """Count a generation that has just ended, and the credits that were settled now."""
    counted = COUNTED[Status(generation.status)]
    _count(generation, {counted: 1, "spent": spent, "released": released})
    if (step := wait_step(generation)) is not None:
        key = key_of(generation)
        _add(WaitDay, {"day": key["day"], "team_id": key["team_id"], "step": step}, {"count": 1})


def corrected(generation: Generation, *, spent: int, released: int) -> None:
    """Count credits that a correction has settled for a generation that ended before."""
    _count(generation, {"spent": spent, "released": released})


def reopened(generation: Generation) -> None:
    """Take back the end of a failed generation whose images arrive after all."""
    _count(generation, {COUNTED[Status.FAILED]: -1})


def costed(generation: Generation, more: Decimal) -> None:
    """Count what the provider asks for a generation, in US dollars, or the change of it."""
    _count(generation, {"cost_usd": more})


def stored(generation: Generation) -> None:
    """Count one image that has just been stored."""
    _count(generation, {"images": 1})


@transaction.atomic
def downloaded(images: Iterable[int]) -> None:
    """Count those of the images, given by their keys, that are downloaded for the first time."""
    keys = sorted(set(images))
    found: Counter[int] = Counter()
    for start in range(0, len(keys), CHUNK):
        some = Image.objects.filter(pk__in=keys[start : start + CHUNK], downloaded_at__isnull=True)
        new = some.order_by("pk").select_for_update()
        found.update(new.values_list("generation", flat=True))
        some.update(downloaded_at=timezone.now())
    _count_all(list(_downloads(found)))


def _downloads(found: Mapping[int, int]) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """What to add for generations, given by their keys, of which so many images are downloaded."""
    keys = sorted(found)
    for start in range(0, len(keys), CHUNK):
        rows = Generation.objects.filter(pk__in=keys[start : start + CHUNK])
        for row in rows.select_related("run__team").defer("body"):
            yield key_of(row), {"downloaded": found[row.pk]}


def wait_step(generation: Generation) -> int | None:
    """The step of `WaitDay` for how long its images took; None if they came late or never."""
    if generation.status != Status.SUCCEEDED or generation.came_late or not generation.ended_at:
        return None
    seconds = (generation.ended_at - generation.created_at).total_seconds()
    return int(math.log(min(max(seconds, 1), LONGEST_WAIT)) / STEP)


def _count(generation: Generation, changes: Mapping[str, Any]) -> None:
    _count_all([(key_of(generation), changes)])


def _count_all(changes: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
    """Add to the rows that each key names what has changed with it, each row once."""
    for model, columns in TABLES.items():
        sums: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        for key, more in changes:
            sums[tuple(key[column] for column in columns)].update(more)
        for values in sorted(sums, key=str):
            _add(model, dict(zip(columns, values, strict=True)), sums[values])


def _add(model: type[Model], key: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Add to the columns of a row, which is made if it does not exist yet."""
    changes = {name: more for name, more in changes.items() if more}
    row = model._default_manager.filter(**key)
    added = {name: F(name) + more for name, more in changes.items()}
    if not changes or row.update(**added):
        return
    try:
        with transaction.atomic():
            row.create(**key, **changes)
    except IntegrityError:  # Another transaction has made it meanwhile.
        row.update(**added)
