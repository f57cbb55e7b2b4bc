"""The numbers at the top of a usage page, and how they compare with the period before."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import QuerySet, Sum

from generations.models import PersonMonth, WaitDay
from generations.reading.usage.period import Period
from generations.reading.usage.scope import Scope
from generations.usage.totals import STEP


class Sums(NamedTuple):
    """What was used, added up. Credits, images and generations are counted; the cost is in USD.

    The fields are columns of `Used`: those that are shown, since each takes time to add up.
    """

    spent: int = 0
    images: int = 0
    downloaded: int = 0
    succeeded: int = 0
    failed: int = 0
    cost_usd: Decimal = Decimal()

    @property
    def success(self) -> float | None:
        """The share of requests that brought images, of those that were not cancelled."""
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None

    @property
    def kept(self) -> float | None:
        """The share of images that somebody has downloaded."""
        return self.downloaded / self.images if self.images else None

    @property
    def never_downloaded(self) -> int:
        return self.images - self.downloaded

    @property
    def usd_each(self) -> Decimal | None:
        """US dollars for an image that was delivered."""
        return self.cost_usd / self.images if self.images else None

    @property
    def usd_each_downloaded(self) -> Decimal | None:
        """US dollars for an image that was downloaded: what all images cost, spread over these."""
        return self.cost_usd / self.downloaded if self.downloaded else None


def summed(parts: Iterable[QuerySet[Any]], *by: str) -> dict[tuple[Any, ...], Sums]:
    """The sums of the rows of all `parts` by the values of the columns `by`."""
    found: dict[tuple[Any, ...], Sums] = {}
    for rows in parts:
        for row in rows.values_list(*by).annotate(*map(Sum, Sums._fields)):
            key, sums = row[: len(by)], Sums(*row[len(by) :])
            found[key] = added((found[key], sums)) if key in found else sums
    return found


def added(sums: Iterable[Sums]) -> Sums:
    """The sums of `sums`, column by column."""
    columns: list[Any] = [sum(column) for column in zip(*sums, strict=True)]
    return Sums(*columns)


def spent_and_images(scope: Scope, period: Period) -> tuple[int, int]:
    """The credits that were spent, and the images that were made."""
    columns = Sum("spent", default=0), Sum("images", default=0)
    found = [rows.aggregate(*columns) for rows in scope.parts(period, PersonMonth)]
    return sum(each["spent__sum"] for each in found), sum(each["images__sum"] for each in found)


def change(now: int, before: int) -> float | None:
    """How much more it is than before, as a share; None if there was nothing before."""
    return now / before - 1 if before else None


@dataclass(frozen=True)
class Waits:
    """How long generations took, in seconds; None if none ended."""

    median: float | None
    p95: float | None


def waits(scope: Scope, period: Period) -> Waits:
    """From the press to the last image, right within a tenth: see `WaitDay`."""
    counts = sorted(_steps(scope.waits(period)))
    return Waits(_quantile(counts, 0.5), _quantile(counts, 0.95))


def _steps(rows: QuerySet[WaitDay]) -> list[tuple[int, int]]:
    return list(rows.values_list("step").annotate(total=Sum("count")))


def _quantile(counts: Sequence[tuple[int, int]], share: float) -> float | None:
    due = share * sum(count for _step, count in counts)
    for step, count in counts:
        due -= count
        if due <= 0:
            return math.exp((step + 0.5) * STEP)
    return None
