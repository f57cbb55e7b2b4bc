"""Counting queries, to see that more rows need no more of them."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def queries_of(act: Callable[[], object]) -> int:
    """How many queries `act` needs, done a second time: the first fills caches of the process."""
    act()
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)
