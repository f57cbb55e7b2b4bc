"""Pages by key: newest first, as fast at any depth, and steady while new rows come.

A cursor is the identifier of the last row that was shown. One that names no row within `anchors`
is no error: it leads to the first page.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from generations.identifiers import uuid_of

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows, newest first. `next_cursor` leads to older ones and is empty where there are none."""

    rows: list[Row]
    next_cursor: str


@dataclass(frozen=True)
class Place:
    """Where a row stands in the order of time and key."""

    at: dt.datetime
    pk: int


def page(
    rows: QuerySet[Row],
    *,
    cursor: str,
    anchors: QuerySet[Any],
    size: int,
    time: str = "created_at",
) -> Page[Row]:
    """The newest `size` of `rows`, or those that follow the row `cursor` of `anchors`.

    `anchors` are the rows that a cursor may name: all that the reader may see, unfiltered.
    """
    if place := place_of(anchors, cursor, time=time):
        rows = older(rows, place, time=time)
    found = list(newest_first(rows, time=time)[: size + 1])
    shown = found[:size]
    return Page(shown, str(shown[-1].uuid) if len(found) > size else "")  # type: ignore[attr-defined]


def newest_first(rows: QuerySet[Row], *, time: str = "created_at") -> QuerySet[Row]:
    return rows.order_by(f"-{time}", "-id")


def place_of(anchors: QuerySet[Any], cursor: str, *, time: str = "created_at") -> Place | None:
    """Where the row that `cursor` names stands, or None."""
    identifier = uuid_of(cursor)
    if identifier is None:
        return None
    found = anchors.filter(uuid=identifier).values_list(time, "pk").first()
    return Place(*found) if found else None


def older(rows: QuerySet[Row], place: Place, *, time: str = "created_at") -> QuerySet[Row]:
    """The rows that come after `place`, newest first."""
    # Not `a < x OR (a = x AND id < y)`: no planner turns that into a range of the index.
    return rows.filter(
        Q(**{f"{time}__lt": place.at}) | Q(pk__lt=place.pk), **{f"{time}__lte": place.at}
    )


def not_older(rows: QuerySet[Row], place: Place, *, time: str = "created_at") -> QuerySet[Row]:
    """The row at `place` and all that are newer."""
    return rows.filter(
        Q(**{f"{time}__gt": place.at}) | Q(pk__gte=place.pk), **{f"{time}__gte": place.at}
    )
