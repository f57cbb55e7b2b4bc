"""How long things take: places in line, and times measured on generations that ended lately."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _

from generations import speeds
from generations.models import Generation, ProviderAccount, Run
from generations.providers import registry
from generations.states import OPEN, Status

# How many places of a line are counted.
COUNTED = 100
MEASURED = 100
REMEMBERED_SECONDS = 30
# A request is late after so many times the median, but not after a few seconds.
LATE = 2
LATE_LEAST_SECONDS = 20


@dataclass(frozen=True)
class Pace:
    """A provider's speed: requests at once, and seconds from submission to stored images.

    `seconds` is by engine and resolution. It lacks pairs that were not measured often enough.
    """

    capacity: int
    seconds: Mapping[tuple[str, str], float]


def typical_seconds(run: Run, pace: Pace) -> float | None:
    """Seconds from submission to storage for a request of this run: measured, or documented."""
    resolution = run.options.get("resolution", "")
    measured = pace.seconds.get((run.engine, resolution))
    if measured is not None:
        return measured
    engine = registry.known_engines().get(run.engine)
    return engine.capabilities.typical_seconds.get(resolution) if engine else None


def is_late(submitted_at: datetime | None, usual: float | None) -> bool:
    """Whether a request that was sent then takes more than `LATE` times the usual seconds."""
    if submitted_at is None or usual is None:
        return False
    taken = (timezone.now() - submitted_at).total_seconds()
    return taken > max(LATE * usual, LATE_LEAST_SECONDS)


def seconds_in_line(run: Run, place: int, pace: Pace) -> float | None:
    """Estimate the seconds until a request at `place` in its line (1 is next) is done."""
    typical = typical_seconds(run, pace)
    return None if typical is None else math.ceil(place / pace.capacity) * typical


def places(generations: Iterable[Generation]) -> dict[int, int]:
    """Return the places of queued generations in their provider's line, by key, counted from 1.

    At most COUNTED places are counted: every place further back is COUNTED + 1. Requests are also
    sent fairly among people, so a place may change by more than one.
    """
    queued = {row.pk: row.provider for row in generations if row.status == Status.QUEUED}
    lines = {provider: _front(provider) for provider in set(queued.values())}
    return {pk: lines[provider].get(pk, COUNTED + 1) for pk, provider in queued.items()}


def _front(provider: str) -> dict[int, int]:
    """The places of the generations that have waited longest at a provider."""
    line = Generation.objects.filter(provider=provider, status=Status.QUEUED)
    keys = line.order_by("created_at", "position", "id").values_list("pk", flat=True)[:COUNTED]
    return {pk: place for place, pk in enumerate(keys, start=1)}


def paces(generations: Iterable[Generation]) -> dict[str, Pace]:
    """The paces of the providers from which some of `generations` still wait for images."""
    awaited = {row.provider for row in generations if row.status in OPEN}
    return {provider: pace_of(provider) for provider in awaited}


def pace_of(provider: str) -> Pace:
    """The pace of a provider, cached for half a minute."""
    return cache.get_or_set(  # type: ignore[return-value]
        f"waits-pace:{provider}", lambda: _measure(provider), REMEMBERED_SECONDS
    )


def about(seconds: float) -> str:
    """The text of an estimate: about 2 min."""
    return _("about %(time)s") % {"time": speeds.in_words(seconds)}


def _measure(provider: str) -> Pace:
    done = Generation.objects.filter(provider=provider, status=Status.SUCCEEDED)
    return Pace(_capacity(provider), speeds.medians(done, MEASURED))


def _capacity(provider: str) -> int:
    accounts = ProviderAccount.objects.filter(provider=provider)
    return sum(account.most_at_once for account in accounts) or 1
