"""Adds totals up anew: those of a day from the generations, their images and the ledger, and those
of a month from its days."""

import datetime as dt
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max, Min, Model, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from accounts.models import Entry, Team
from accounts.models.allowance import next_month
from generations.models import Generation, PersonMonth, UsageDay, WaitDay, WorkMonth
from generations.models.usage import Used, UsedInMonth
from generations.states import Status
from generations.usage.totals import COUNTED, SUMMED, TABLES, key_of, month_of, wait_step

CHUNK = 500  # generations, whose entries and images are read in one query each
MONTHS: tuple[type[UsedInMonth], ...] = (PersonMonth, WorkMonth)
COST_PLACES = 5

Key = tuple[Any, ...]
Totals = dict[Key, Counter[str]]


def days() -> Iterator[dt.date]:
    """All days for which a generation or a total counts, the oldest first."""
    if ends := _ends((Generation, "day"), (UsageDay, "day")):
        for number in range((ends[1] - ends[0]).days + 1):
            yield ends[0] + dt.timedelta(days=number)


def months() -> Iterator[dt.date]:
    """The first days of all months that have a total, the oldest first."""
    if ends := _ends((UsageDay, "day"), (PersonMonth, "month"), (WorkMonth, "month")):
        month = month_of(ends[0])
        while month <= ends[1]:
            yield month
            month = next_month(month)


def differences(day: dt.date) -> int:
    """How many totals of a day are not what its generations, images and entries add up to."""
    with transaction.atomic():
        _hold_totals()
        due, waits = _added_up(day)
        return len(_unlike(due, _sums(UsageDay, day=day))) + len(_unlike(waits, _kept_waits(day)))


def differences_of_month(month: dt.date) -> int:
    """How many totals of a month, given by its first day, are not what its days add up to."""
    with transaction.atomic():
        _hold_totals()
        return sum(
            len(_unlike(_sums_of_days(model, month), _sums(model, month=month))) for model in MONTHS
        )


@transaction.atomic
def rebuild(day: dt.date) -> None:
    """Write the totals of a day and its month anew.

    What happens meanwhile waits, and is added to the result.
    """
    _hold_totals()
    due, waits = _added_up(day)
    WaitDay.objects.filter(day=day).delete()
    WaitDay.objects.bulk_create(
        WaitDay(day=day, team_id=team, step=step, **count) for (team, step), count in waits.items()
    )
    _write(UsageDay, due, day=day)
    rebuild_month(month_of(day))


@transaction.atomic
def rebuild_month(month: dt.date) -> None:
    """Write the totals of a month, given by its first day, anew from those of its days."""
    _hold_totals()
    for model in MONTHS:
        _write(model, _sums_of_days(model, month), month=month)


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


def _ends(*columns: tuple[type[Model], str]) -> tuple[dt.date, dt.date] | None:
    """The first and the last day in columns of tables; None if these are empty."""
    ends = [
        model._default_manager.aggregate(first=Min(name), last=Max(name)) for model, name in columns
    ]
    found = [day for each in ends for day in each.values() if day is not None]
    return (min(found), max(found)) if found else None


def _hold_totals() -> None:
    """Let no other transaction change totals until this one ends; SQLite has one writer anyway."""
    tables: list[type[Model]] = [*TABLES, WaitDay]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in tables:
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
    return tuple(key[name] for name in _names(UsageDay))


def _names(model: type[Used]) -> tuple[str, ...]:
    """The columns that name a row of a day or month."""
    return TABLES[model][1:]


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


def _sums(model: type[Used], **when: Any) -> Totals:
    """The totals of a day or month, by key."""
    return _by_key(model, model._default_manager.filter(**when))


def _sums_of_days(model: type[Used], month: dt.date) -> Totals:
    """What the days of a month add up to, by the key of a table of months."""
    rows = UsageDay.objects.filter(day__gte=month, day__lt=next_month(month))
    return _by_key(model, rows)


def _by_key(model: type[Used], rows: QuerySet[Any]) -> Totals:
    names = _names(model)
    found = {}
    for row in rows.order_by().values_list(*names).annotate(*map(Sum, SUMMED)):
        sums = +Counter(dict(zip(SUMMED, row[len(names) :], strict=True)))
        # SQLite adds decimals up as floats.
        sums["cost_usd"] = round(sums["cost_usd"], COST_PLACES)
        found[row[: len(names)]] = +sums
    return {key: total for key, total in found.items() if total}


def _write(model: type[Used], due: Totals, **when: Any) -> None:
    """Replace the totals of a day or month."""
    names = _names(model)
    model._default_manager.filter(**when).delete()
    model._default_manager.bulk_create(
        model(**when, **dict(zip(names, key, strict=True)), **total) for key, total in due.items()
    )


def _kept_waits(day: dt.date) -> Totals:
    rows = WaitDay.objects.filter(day=day, count__gt=0).values_list("team_id", "step", "count")
    return {(team, step): Counter(count=count) for team, step, count in rows}


def _unlike(due: Totals, kept: Totals) -> set[Key]:
    return {key for key in due.keys() | kept.keys() if due.get(key) != kept.get(key)}
