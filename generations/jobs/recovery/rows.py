"""Working through rows one by one, so that a bad row delays no other."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet

from generations.jobs.execution import accidents
from generations.models import Generation

log = logging.getLogger(__name__)

Turn = Callable[[], object]

BATCH = 100


def each(step: Callable[[Any], bool], rows: Iterable[Any], turn: Turn = lambda: None) -> int:
    """Do `step` for each row, and call `turn` before each; returns how many rows it changed."""
    changed = 0
    for row in rows:
        turn()
        with logged("recovery of %s %s broke off", row._meta.model_name, row.uuid):
            changed += step(row)
    return changed


@contextmanager
def logged(text: str, *values: object) -> Iterator[None]:
    """Log what the block raises. If the database is away, raise it: the rest would fail too."""
    try:
        yield
    except accidents.DATABASE_AWAY:
        raise
    except Exception:
        log.exception(text, *values)


def with_run(rows: QuerySet[Generation]) -> QuerySet[Generation]:
    """At most BATCH of `rows`, with their runs and prices."""
    return rows.select_related("run", "price")[:BATCH]
