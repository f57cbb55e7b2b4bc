"""Lets records be sealed that a version of the studio before the seal has written."""

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

STEP = 20_000  # records

# Two queries, because SQLite reads the whole table for MIN and MAX in one.
_ENDS = """
SELECT COALESCE((SELECT MIN(id) FROM accounts_record), 1),
    COALESCE((SELECT MAX(id) FROM accounts_record), 0)
"""
_ADD = """
INSERT INTO accounts_unsealed (record_id, since)
SELECT id, %s FROM accounts_record
WHERE id > %s AND id <= %s
    AND NOT EXISTS (SELECT 1 FROM accounts_leaf leaf WHERE leaf.record_id = accounts_record.id)
ON CONFLICT DO NOTHING
"""


def add_unsealed(database: BaseDatabaseWrapper, *, after: int = 0) -> int:
    """Let records above the key `after` be sealed that are not. Returns how many were added.

    Each step is a transaction, so after an interruption the next call goes on.
    """
    with database.cursor() as cursor:
        cursor.execute(_ENDS)
        first, last = cursor.fetchone()
    added = 0
    now = database.ops.adapt_datetimefield_value(timezone.now())
    for start in range(max(first - 1, after), last, STEP):
        with transaction.atomic(using=database.alias), database.cursor() as cursor:
            cursor.execute(_ADD, [now, start, start + STEP])
            added += cursor.rowcount
    return added
