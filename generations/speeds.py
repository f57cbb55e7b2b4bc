"""How long engines take, measured on the requests that ended last, and lengths of time in words."""

import math
from collections import defaultdict
from collections.abc import Mapping
from statistics import median

from django.core.cache import cache
from django.db.models import QuerySet
from django.utils.translation import ngettext

from generations.models import Generation
from generations.providers.capabilities import Engine
from generations.states import Status

# So many requests that ended last are read, of all engines together.
MEASURED = 400
LEAST_MEASURED = 3
REMEMBERED_SECONDS = 120


def measured() -> Mapping[tuple[str, str], float]:
    """Seconds from submission to stored images, the median by engine and resolution.

    It lacks what was not measured often enough. Remembered for two minutes; otherwise one query,
    whose cost does not grow with the requests.
    """
    return cache.get_or_set(  # type: ignore[return-value]
        "engine-speeds", lambda: medians(Generation.objects.all(), MEASURED), REMEMBERED_SECONDS
    )


def usual_seconds(
    engine: Engine, resolution: str, known: Mapping[tuple[str, str], float]
) -> float | None:
    """What is `known` of an engine at a resolution, else what its provider documents."""
    documented = engine.capabilities.typical_seconds.get(resolution)
    return known.get((engine.name, resolution), documented)


def in_words(seconds: float) -> str:
    """A short text for a length of time: 14 s, 2 min."""
    if seconds < 90:
        exact = seconds < 20
        rounded = max(math.ceil(seconds) if exact else 5 * math.ceil(seconds / 5), 1)
        return ngettext("%(count)d s", "%(count)d s", rounded) % {"count": rounded}
    minutes = math.ceil(seconds / 60)
    return ngettext("%(count)d min", "%(count)d min", minutes) % {"count": minutes}


def medians(requests: QuerySet[Generation], most: int) -> dict[tuple[str, str], float]:
    """The median seconds by engine and resolution, from the `most` requests that ended last."""
    taken = defaultdict(list)
    ended = requests.filter(ended_at__isnull=False).order_by("-ended_at")
    columns = ("status", "run__engine", "run__options__resolution", "submitted_at", "ended_at")
    for status, engine, resolution, submitted_at, ended_at in ended.values_list(*columns)[:most]:
        if status == Status.SUCCEEDED and submitted_at and ended_at:
            taken[engine, resolution or ""].append((ended_at - submitted_at).total_seconds())
    return {kind: median(times) for kind, times in taken.items() if len(times) >= LEAST_MEASURED}
