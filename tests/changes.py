"""Whether what has changed in the database is on the record."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from accounts.models import Record

# Tables whose rows are no act of the studio: sessions, marks, counters and signs of life.
NO_STATE = {
    "django_session",
    "usersessions_usersession",
    "django_admin_log",
    "accounts_tally",
    "accounts_pulse",
    "accounts_notice",
    "accounts_noticemute",
    "accounts_noticereading",
    # What a person has in the composer: a comfort of theirs, and text that only they see.
    "generations_saveddraft",
    # What each person has dismissed or read.
    "generations_dismissal",
    "accounts_personalnotice",
}
CHANGES = re.compile(r'(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM)\s+"(\w+)"', re.IGNORECASE)
RECORD = Record._meta.db_table


@contextmanager
def changed_tables() -> Iterator[set[str]]:
    """The tables to which statements within the block write."""
    found: set[str] = set()

    def watch(execute, sql, params, many, context):
        if change := CHANGES.match(sql.lstrip()):
            found.add(change[1])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield found


def is_silent(tables: set[str]) -> bool:
    """Whether state was changed and no record written."""
    return bool(tables - NO_STATE - {RECORD}) and RECORD not in tables
