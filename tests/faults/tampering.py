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
from accounts.models import User
from tests.accounts.evidence import damage
from tests.faults.standalone import studio

RECORDS = 200


def main(cases: int = 300, seed: int = 1) -> int:
    """Run the cases and print a line for each kind. Returns how many were not found."""
    with (
        studio() as person,
        tempfile.TemporaryDirectory() as folder,
        override_settings(DATA_DIR=Path(folder)),
    ):
        _make_log(person)
        return _run(cases, seed)


def _run(cases: int, seed: int) -> int:
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


def _make_log(person: User) -> None:
    for number in range(RECORDS):
        personal = {"after": {"name": f"fox {number}"}} if number % 2 else None
        story = uuid.uuid4() if number % 5 == 0 else None
        with transaction.atomic():
            facts = {"after": {"number": number}}
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
