"""Values of a form that the studio never writes are damage, and no error.

SQLite keeps any value in any column, so whoever writes to its file can do this.
"""

import pytest
from django.db import connection
from django.utils import timezone

from accounts import append_only, sealing, tasks
from accounts import damage as log_damage
from accounts.evidence import progress
from accounts.evidence.live import verify_log
from accounts.models import Checkpoint, TimeStamp, Verification
from tests.accounts.evidence import damage

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL checks the values"),
]

TEXT, BYTES, NO_TEXT = "'x'", "x'ff00'", "CAST(x'ff' AS TEXT)"
# The columns from which the verification reads something else.
ODD = [
    ("record", "at", TEXT),
    ("record", "leaf", TEXT),
    ("record", "facts", "'[7]'"),
    ("record", "facts", NO_TEXT),
    ("record", "version", TEXT),
    ("recordpayload", "data", TEXT),
    ("leaf", "leaf", TEXT),
    ("leaf", "leaf", NO_TEXT),
    ("checkpoint", "size", TEXT),
    ("checkpoint", "root", TEXT),
    ("checkpoint", "note", BYTES),
    ("checkpoint", "note", NO_TEXT),
    ("checkpoint", "at", BYTES),
    ("logkey", "vkey", BYTES),
    ("logkey", "vkey", TEXT),
    ("logkey", "at", BYTES),
    ("timestamp", "answer", TEXT),
    ("team", "uuid", TEXT),
    ("user", "uuid", TEXT),
]


def put(table, column, value):
    """Write a value into the newest row of a table, as who owns the file can."""
    with append_only.lifted(connection), connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        try:
            cursor.execute(
                f"UPDATE accounts_{table} SET {column} = {value} "
                f"WHERE rowid = (SELECT MAX(rowid) FROM accounts_{table})"
            )
            assert cursor.rowcount == 1
        finally:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def test_the_verification_says_that_they_are_damage(sealed_log, write):
    write(personal={"after": {"name": "fox"}})
    for table, column, value in ODD:
        with damage.undone():
            if table == "timestamp":
                newest = Checkpoint.objects.latest("pk")
                TimeStamp.objects.create(checkpoint=newest, answer=b"1", at=timezone.now())
            put(table, column, value)
            assert verify_log()["integrity"]["told"], (table, column, value)
            log_damage.found()  # so that the studio starts, or says why not
    assert verify_log()["integrity"]["ok"]
    assert log_damage.found() == []


@pytest.mark.parametrize("peaks", ["x", [7], [["0", "zz"]], [[0]]])
def test_a_forged_note_of_what_was_verified(sealed_log, write, peaks):
    tasks.verify()
    write()
    sealing.seal()
    Verification.objects.update(peaks=peaks)
    tasks.verify()
    assert progress.standing().trouble
    assert log_damage.found() != []
