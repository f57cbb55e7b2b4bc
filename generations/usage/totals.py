"""Keeps the totals of a day in step: each act adds what it changes, in its own transaction.

The rows of totals are locked last, after those of what is counted, so that no two transactions can
wait for each other.
"""

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Model
from django.utils import timezone

from accounts.models import Team
from generations.models import Generation, Image, UsageDay, WaitDay
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
CHUNK = 500  # images
LONGEST_WAIT = 7 * 24 * 3600  # seconds; longer ones count as this


def day_of(team: Team, moment: dt.datetime | None = None) -> dt.date:
    """The day of `moment` (default: now) in the team's time zone."""
    return (moment or timezone.now()).astimezone(team.tzinfo).date()


def key_of(generation: Generation) -> dict[str, Any]:
    """The columns that name the row of totals in which a generation counts."""
    run = generation.run
    options = run.options
    return {
        "day": generation.day or day_of(run.team, generation.created_at),
        "team_id": run.team_id,
        "user_id": run.user_id,
        "campaign_id": run.campaign_id,
        "engine": run.engine,
        "format": CUSTOM if "width" in options else options.get("aspect_ratio", "")[:20],
    }


def ended(generation: Generation, *, spent: int, released: int) -> None:
    """Count a generation that has just ended, and the credits that were settled now."""
    counted = COUNTED[Status(generation.status)]
    _add(UsageDay, key_of(generation), {counted: 1, "spent": spent, "released": released})
    if (step := wait_step(generation)) is not None:
        key = key_of(generation)
        _add(WaitDay, {"day": key["day"], "team_id": key["team_id"], "step": step}, {"count": 1})


def corrected(generation: Generation, *, spent: int, released: int) -> None:
    """Count credits that a correction has settled for a generation that ended before."""
    _add(UsageDay, key_of(generation), {"spent": spent, "released": released})


def reopened(generation: Generation) -> None:
    """Take back the end of a failed generation whose images arrive after all."""
    _add(UsageDay, key_of(generation), {COUNTED[Status.FAILED]: -1})


def costed(generation: Generation, more: Decimal) -> None:
    """Count what the provider asks for a generation, in US dollars, or the change of it."""
    _add(UsageDay, key_of(generation), {"cost_usd": more})


def stored(generation: Generation) -> None:
    """Count one image that has just been stored."""
    _add(UsageDay, key_of(generation), {"images": 1})


@transaction.atomic
def downloaded(images: Sequence[int]) -> None:
    """Count those of the images, given by their keys, that are downloaded for the first time."""
    for start in range(0, len(images), CHUNK):
        some = Image.objects.filter(pk__in=images[start : start + CHUNK])
        new = some.filter(downloaded_at__isnull=True).order_by("pk").select_for_update()
        generations = Counter(new.values_list("generation", flat=True))
        some.filter(downloaded_at__isnull=True).update(downloaded_at=timezone.now())
        for generation in Generation.objects.filter(pk__in=generations).select_related("run__team"):
            _add(UsageDay, key_of(generation), {"downloaded": generations[generation.pk]})


def wait_step(generation: Generation) -> int | None:
    """The step of `WaitDay` for how long its images took; None if they came late or never."""
    if generation.status != Status.SUCCEEDED or generation.came_late or not generation.ended_at:
        return None
    seconds = (generation.ended_at - generation.created_at).total_seconds()
    return int(math.log(min(max(seconds, 1), LONGEST_WAIT)) / STEP)


def _add(model: type[Model], key: dict[str, Any], changes: dict[str, Any]) -> None:
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
