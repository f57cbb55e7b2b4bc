"""Damages a sealed log in many ways, and counts what `verify_audit` and `verify.py` find.

    python -m tests.faults tampering [CASES] [SEED]

The log has 200 records, among them those of two runs, and is made in a data folder of its own. For
damages of subtrees, it grows to 1,100 records at the end. Every case is undone. Every tenth one is
also exported, and `verify.py` looks at the export.
"""

import random
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

from django.db import connection, transaction
from django.test.utils import override_settings

from accounts import audit, sealing
from accounts.events import Event
from accounts.evidence import export, selection
from accounts.evidence.live import verify_log
from accounts.models import User
from accounts.sealing import witnesses
from tests.accounts.evidence import damage, exports
from tests.faults.standalone import studio
from tests.generations import row_damage
from tests.generations.asking import ask

RECORDS, WITH_SUBTREES = 200, 1_100
SEALED_AT_ONCE = 20
# Every so-manieth case is one of a subtree, and is exported.
SUBTREES, EXPORTED = 50, 10
# Of what they change, an export holds nothing.
ONLY_LIVE = {
    damage.teams_flipped,
    damage.story_flipped,
    damage.inserted,
    damage.subtree_forged,
    *damage.FILE_DAMAGES,
    *row_damage.DAMAGES,
}


def main(cases: int = 300, seed: int = 1) -> int:
    """Run the cases and print a line for each kind. Returns how many were not found."""
    with (
        studio() as person,
        tempfile.TemporaryDirectory() as folder,
        override_settings(DATA_DIR=Path(folder)),
    ):
        for _ in range(2):
            ask(person, num_images=2)
        _write(person, RECORDS)
        return _run(person, cases, seed, Path(folder))


def _run(person: User, cases: int, seed: int, folder: Path) -> int:
    found, unfound, exported = Counter[str](), Counter[str](), Counter[bool]()
    kinds = (*damage.DAMAGES, *damage.FILE_DAMAGES, *row_damage.DAMAGES)
    last = cases - cases // SUBTREES
    kept = witnesses.checkpoint_file().read_bytes()
    for number in range(cases):
        if number == last:
            _write(person, WITH_SUBTREES - RECORDS)
            kept = witnesses.checkpoint_file().read_bytes()
        chance = random.Random(f"{seed} {number}")
        kind = kinds[number % len(kinds)] if number < last else damage.subtree_forged
        with transaction.atomic(), damage.undone():
            place = damage.run(kind, chance)
            (found if damage.is_named(verify_log(), place) else unfound)[kind.__name__] += 1
            if number % EXPORTED == 0 and kind not in ONLY_LIVE:
                is_found = _verify_export(folder / f"{number}.zip", place)
                exported[is_found] += 1
                if not is_found:
                    sys.stdout.write(f"case {number}, {kind.__name__}: not found in the export\n")
        witnesses.checkpoint_file().write_bytes(kept)
    result = verify_log()
    is_sound = result["integrity"]["ok"] and result["complete"]["ok"]
    for name in sorted(found | unfound):
        sys.stdout.write(f"{name:40} {found[name]:4} found {unfound[name]:4} not found\n")
    sys.stdout.write(
        f"{connection.vendor}: {cases} cases of {len(found | unfound)} kinds, "
        f"{unfound.total()} not found; "
        f"exports: {exported[True]} found, {exported[False]} not; "
        f"sound without damage: {is_sound}\n"
    )
    return unfound.total() + exported[False] + (not is_sound)


def _verify_export(path: Path, place: int | None) -> bool:
    """Whether `verify.py`, given the file of checkpoints, finds the damage in an export."""
    *_steps, _done = export.write(path, selection.sealed_range(), actor=None)
    with ZipFile(path) as archive:
        archive.extractall(path.with_suffix(""))
    outside = "--outside", str(witnesses.checkpoint_file())
    code, told = exports.run(path.with_suffix(""), "--all", *outside)
    return code == 1 and damage.is_named(told, place)


def _write(person: User, count: int) -> None:
    for number in range(count):
        personal = {"after": {"text": f"fox {number}"}} if number % 2 else None
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
        if number % SEALED_AT_ONCE == SEALED_AT_ONCE - 1:
            sealing.seal()
            sealing.copy()
