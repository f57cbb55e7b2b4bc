"""Adds the totals of a day up anew, from the generations, their images and the ledger."""

import datetime as dt
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import TruncDate

from accounts.models import Entry, Team
from generations.models import Generation, UsageDay, WaitDay
from generations.states import Status
from generations.usage.totals import COUNTED, SUMMED, key_of, wait_step

CHUNK = 500  # generations, whose entries and images are read in one query each

_GENERATIONS, _TOTALS = Generation.objects.order_by(), UsageDay.objects.order_by()

Key = tuple[Any, ...]
Totals = dict[Key, Counter[str]]


def days() -> Iterator[dt.date]:
    """All days for which a generation or a total counts, the oldest first."""
    ends = [
        model.objects.aggregate(first=Min("day"), last=Max("day"))
        for model in (Generation, UsageDay)
    ]
    found = [day for each in ends for day in each.values() if day is not None]
    if found:
        for number in range((max(found) - min(found)).days + 1):
            yield min(found) + dt.timedelta(days=number)


def differences(day: dt.date) -> int:
    """How many totals of a day are not what its generations, images and entries add up to."""
    with transaction.atomic():
        _hold_totals()
        due, waits = _added_up(day)
        return len(_unlike(due, _kept(day))) + len(_unlike(waits, _kept_waits(day)))


@transaction.atomic
def rebuild(day: dt.date) -> None:
    """Write the totals of a day anew. What happens meanwhile waits, and is added to the result."""
    _hold_totals()
    due, waits = _added_up(day)
    UsageDay.objects.filter(day=day).delete()
    WaitDay.objects.filter(day=day).delete()
    UsageDay.objects.bulk_create(
        UsageDay(day=day, **dict(zip(_NAMES, key, strict=True)), **total)
        for key, total in due.items()
    )
    WaitDay.objects.bulk_create(
        WaitDay(day=day, team_id=team, step=step, **count) for (team, step), count in waits.items()
    )


def complete(*, seconds: float) -> bool:
    """Give generations of older versions their day, and add these days up.

    Stops after `seconds`; returns whether nothing is left. Each step is a transaction.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = _date_next()
        if not found:
            return True
        for day in sorted(found):
            rebuild(day)
    return False


@transaction.atomic
def _date_next() -> set[dt.date]:
    """Give the next generations without a day theirs. Return these days."""
    dateless = Generation.objects.filter(day__isnull=True).order_by("pk")
    keys = list(dateless.values_list("pk", flat=True)[:CHUNK])
    for team in Team.objects.all():
        of_team = Generation.objects.filter(pk__in=keys, run__team=team)
        of_team.update(day=TruncDate("created_at", tzinfo=team.tzinfo))
    dated = Generation.objects.filter(pk__in=keys, day__isnull=False).order_by()
    return {day for day in dated.values_list("day", flat=True).distinct() if day}


_NAMES = ("team_id", "user_id", "campaign_id", "engine", "format")


def _hold_totals() -> None:
    """Let no other transaction change totals until this one ends; SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in (UsageDay, WaitDay):
                cursor.execute(f'LOCK TABLE "{model._meta.db_table}" IN SHARE ROW EXCLUSIVE MODE')


def _added_up(day: dt.date) -> tuple[Totals, Totals]:
    """The totals of a day, and its waits, by key."""
    totals: Totals = defaultdict(Counter)
    waits: Totals = defaultdict(Counter)
    rows = Generation.objects.filter(day=day).select_related("run__team").defer("body")
    for chunk in _chunks(rows.order_by("pk")):
        credits, images = _credits(chunk), _images(chunk)
        for generation in chunk:
            total = totals[_key(generation)]
            total.update(credits[generation.uuid])
            total.update(images[generation.pk])
            total["cost_usd"] += generation.cost_usd or 0  # type: ignore[assignment]
            if counted := COUNTED.get(Status(generation.status)):
                total[counted] += 1
            if (step := wait_step(generation)) is not None:
                waits[generation.run.team_id, step]["count"] += 1
    return {key: +total for key, total in totals.items() if +total}, waits


def _chunks(rows: Any) -> Iterator[Sequence[Generation]]:
    last = 0
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _key(generation: Generation) -> Key:
    key = key_of(generation)
    return tuple(key[name] for name in _NAMES)


def _credits(generations: Sequence[Generation]) -> dict[Any, Counter[str]]:
    """What people spent and got back, by the identifier of the generation."""
    entries = Entry.objects.filter(
        generation__in=[each.uuid for each in generations], allowance__user__isnull=False
    ).order_by()
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    for uuid, spent, released in entries.values_list("generation").annotate(
        spent=Sum("amount", filter=Q(kind=Entry.Kind.SETTLE), default=0),
        released=Sum("amount", filter=Q(kind=Entry.Kind.RELEASE), default=0),
    ):
        found[uuid] = Counter(spent=spent, released=released)
    return found


def _images(generations: Sequence[Generation]) -> dict[int, Counter[str]]:
    """How many images were stored, and downloaded, by the key of the generation."""
    rows = Generation.objects.filter(pk__in=[each.pk for each in generations]).order_by()
    counted = rows.values_list("pk").annotate(
        stored=Count("images"),
        fetched=Count("images", filter=Q(images__downloaded_at__isnull=False)),
    )
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for key, stored, fetched in counted:
        found[key] = Counter(images=stored, downloaded=fetched)
    return found


def _kept(day: dt.date) -> Totals:
    rows = UsageDay.objects.filter(day=day).values(*_NAMES, *SUMMED)
    found = {
        tuple(row[name] for name in _NAMES): +Counter({name: row[name] for name in SUMMED})
        for row in rows
    }
    return {key: total for key, total in found.items() if total}


def _kept_waits(day: dt.date) -> Totals:
    rows = WaitDay.objects.filter(day=day, count__gt=0).values_list("team_id", "step", "count")
    return {(team, step): Counter(count=count) for team, step, count in rows}


def _unlike(due: Totals, kept: Totals) -> set[Key]:
    return {key for key in due.keys() | kept.keys() if due.get(key) != kept.get(key)}
