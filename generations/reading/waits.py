"""How long things take: places in line, and times measured on generations that ended lately."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from django.core.cache import cache
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from generations.models import Generation, ProviderAccount, Run
from generations.providers import registry
from generations.states import Status

MEASURED = 100
LEAST_MEASURED = 3
REMEMBERED_SECONDS = 30


@dataclass(frozen=True)
class Pace:
    """What a provider manages: requests at once, and seconds from sent to stored.

    `seconds` goes by engine and resolution, and has only what was measured often enough.
    """

    slots: int
    seconds: Mapping[tuple[str, str], float]


def typical_seconds(run: Run) -> float | None:
    """Seconds from sent to stored for a request of this run, measured or else documented."""
    resolution = run.options.get("resolution", "")
    measured = pace_of(_provider(run)).seconds.get((run.engine, resolution))
    if measured is not None:
        return measured
    engine = registry.known_engines().get(run.engine)
    return engine.capabilities.typical_seconds.get(resolution) if engine else None


def seconds_in_line(run: Run, place: int) -> float | None:
    """Seconds until a request at `place` in its provider's line (1 is next) is done: a guess."""
    typical = typical_seconds(run)
    if typical is None:
        return None
    return math.ceil(place / pace_of(_provider(run)).slots) * typical


def places(generations: Iterable[Generation]) -> dict[int, int]:
    """By key, the place of queued generations in their provider's line, counted from 1.

    Turns are also a matter of fairness, so a place may change by more than one.
    """
    queued = [row.pk for row in generations if row.status == Status.QUEUED]
    if not queued:
        return {}
    line = Generation.objects.filter(provider=OuterRef("provider"), status=Status.QUEUED)
    sooner = Q(created_at__lt=OuterRef("created_at")) | Q(
        created_at=OuterRef("created_at"), pk__lt=OuterRef("pk")
    )
    ahead = line.filter(sooner).order_by().values("provider").annotate(n=Count("pk")).values("n")
    rows = Generation.objects.filter(pk__in=queued).values_list("pk", Coalesce(Subquery(ahead), 0))
    return {pk: count + 1 for pk, count in rows}


def pace_of(provider: str) -> Pace:
    """The pace of a provider, remembered for half a minute."""
    return cache.get_or_set(  # type: ignore[return-value]
        f"pace:{provider}", lambda: _measure(provider), REMEMBERED_SECONDS
    )


def in_words(seconds: float) -> str:
    """A time as one says it: 14 s, 2 min."""
    if seconds < 90:
        exact = seconds < 20
        rounded = max(math.ceil(seconds) if exact else 5 * math.ceil(seconds / 5), 1)
        return ngettext("%(count)d s", "%(count)d s", rounded) % {"count": rounded}
    minutes = math.ceil(seconds / 60)
    return ngettext("%(count)d min", "%(count)d min", minutes) % {"count": minutes}


def about(seconds: float) -> str:
    """An estimate, called one."""
    return _("about %(time)s") % {"time": in_words(seconds)}


def _measure(provider: str) -> Pace:
    taken = defaultdict(list)
    ended = (
        Generation.objects.filter(
            provider=provider,
            status=Status.SUCCEEDED,
            ended_at__isnull=False,
            submitted_at__isnull=False,
        )
        .order_by("-ended_at")
        .values_list("run__engine", "run__options", "submitted_at", "ended_at")
    )
    for engine, options, submitted_at, ended_at in ended[:MEASURED]:
        if submitted_at and ended_at:
            seconds = (ended_at - submitted_at).total_seconds()
            taken[engine, options.get("resolution", "")].append(seconds)
    medians = {kind: median(times) for kind, times in taken.items() if len(times) >= LEAST_MEASURED}
    return Pace(_slots(provider), medians)


def _slots(provider: str) -> int:
    accounts = ProviderAccount.objects.filter(provider=provider)
    return sum(account.most_at_once for account in accounts) or 1


def _provider(run: Run) -> str:
    return run.engine.partition("/")[0]
