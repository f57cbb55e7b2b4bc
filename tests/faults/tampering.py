"""Damages a sealed log in the database in many ways, and counts what `verify_audit` finds.

    python -m tests.faults tampering [CASES] [SEED]

The log has 200 records and is made in a data folder of its own. Each case is undone.
"""

import random
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path

from django.db import connection, transaction
from django.test.utils import override_settings

from accounts import audit, sealing
from accounts.events import Event
from accounts.evidence.live import verify_log
from tests.accounts.evidence import damage
from tests.factories import make_user

RECORDS = 200


def main(cases: int = 300, seed: int = 1) -> int:
    """Run the cases and print a line for each kind. Returns how many were not found."""
    made = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        with tempfile.TemporaryDirectory() as folder, override_settings(DATA_DIR=Path(folder)):
            return _run(cases, seed)
    finally:
        connection.creation.destroy_test_db(made, verbosity=0)


def _run(cases: int, seed: int) -> int:
    _make_log()
    found, unfound = Counter(), Counter()
    for number in range(cases):
        chance = random.Random(f"{seed} {number}")
        kind = damage.DAMAGES[number % len(damage.DAMAGES)]
        with transaction.atomic(), damage.undone():
            place = damage.run(kind, chance)
            (found if damage.is_named(verify_log(), place) else unfound)[kind.__name__] += 1
    result = verify_log()
    is_sound = result["integrity"]["ok"] and result["complete"]["ok"]
    for name in sorted(found | unfound):
        sys.stdout.write(f"{name:40} {found[name]:4} found {unfound[name]:4} not found\n")
    sys.stdout.write(
        f"{connection.vendor}: {cases} cases, {unfound.total()} not found; "
        f"sound without damage: {is_sound}\n"
    )
    return unfound.total() + (not is_sound)


def _make_log() -> None:
    person = make_user()
    for number in range(RECORDS):
        personal = {"prompt": f"fox {number}"} if number % 2 else None
        story = uuid.uuid4() if number % 5 == 0 else None
        with transaction.atomic():
            facts = {"n": number}
            audit.record(
                Event.USER_CHANGED,
                actor=person,
                subject=person,
                story=story,
                facts=facts,
                personal=personal,
            )
        if number % 20 == 19:
            sealing.seal()
            sealing.copy()
