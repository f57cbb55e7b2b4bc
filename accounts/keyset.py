"""Pages by key: newest first, equally fast at any depth, and without gaps when rows are added.

Rows are sorted by a time and, if times are equal, by a key. `time` and `key` are the names of those
columns. A cursor names the last row that was shown. If it names no row of `anchors`, the first page
is shown.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Q, QuerySet

from accounts.identifiers import uuid_of

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows, newest first. `next_cursor` leads to older ones; it is empty if there are none."""

    rows: list[Row]
    next_cursor: str


@dataclass(frozen=True)
class Place:
    """The time and key of a row, which give its place in a list."""

    at: dt.datetime
    pk: int


def page(
    rows: QuerySet[Any, Row],
    *,
    cursor: str,
    anchors: QuerySet[Any],
    size: int,
) -> Page[Row]:
    """The newest `size` of `rows`, or those that follow the row whose `uuid` is `cursor`.

    `anchors` are the rows that a cursor may name: all that the reader may see, unfiltered.
    """
    shown, more = newest([rows], place_of(anchors, cursor), size=size)
    return _page(shown, more=more)


def _page(shown: list[Row], *, more: bool) -> Page[Row]:
    return Page(shown, str(shown[-1].uuid) if more else "")  # type: ignore[attr-defined]


def newest(
    sources: Sequence[QuerySet[Any, Row]],
    place: Place | None,
    *,
    size: int,
    time: str = "created_at",
    key: str = "id",
) -> tuple[list[Row], bool]:
    """The newest `size` rows of all `sources` after `place`, and whether there are more.

    Runs one query for each source, which reads at most `size` + 1 rows. A row may be in one source
    only.
    """
    found: list[Row] = []
    for rows in sources:
        rest = older(rows, place, time=time, key=key) if place else rows
        found += newest_first(rest, time=time, key=key)[: size + 1]
    found.sort(key=lambda row: (getattr(row, time), getattr(row, key)), reverse=True)
    return found[:size], len(found) > size


def newest_first(
    rows: QuerySet[Any, Row], *, time: str = "created_at", key: str = "id"
) -> QuerySet[Any, Row]:
    return rows.order_by(f"-{time}", f"-{key}")


def place_of(anchors: QuerySet[Any], cursor: str, *, time: str = "created_at") -> Place | None:
    """The place of the row that `cursor` names, or None."""
    identifier = uuid_of(cursor)
    if identifier is None:
        return None
    found = anchors.filter(uuid=identifier).values_list(time, "pk").first()
    return Place(*found) if found else None


def older(
    rows: QuerySet[Any, Row], place: Place, *, time: str = "created_at", key: str = "id"
) -> QuerySet[Any, Row]:
    """The rows that come after `place`, newest first."""
    # Not `a < x OR (a = x AND id < y)`: no planner turns that into a range of the index.
    return rows.filter(
        Q(**{f"{time}__lt": place.at}) | Q(**{f"{key}__lt": place.pk}), **{f"{time}__lte": place.at}
    )


def newer(rows: QuerySet[Any, Row], place: Place) -> QuerySet[Any, Row]:
    """The rows that are newer than the one at `place`."""
    return rows.filter(Q(created_at__gt=place.at) | Q(pk__gt=place.pk), created_at__gte=place.at)


def not_older(rows: QuerySet[Any, Row], place: Place) -> QuerySet[Any, Row]:
    """The row at `place` and all that are newer."""
    return rows.filter(Q(created_at__gt=place.at) | Q(pk__gte=place.pk), created_at__gte=place.at)


def not_newer(rows: QuerySet[Any, Row], place: Place) -> QuerySet[Any, Row]:
    """The row at `place` and all that are older."""
    return rows.filter(Q(created_at__lt=place.at) | Q(pk__lte=place.pk), created_at__lte=place.at)
