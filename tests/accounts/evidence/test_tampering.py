"""Exports that somebody has changed: each change is found, and the place of it is named."""

import json
import random

import pytest

from tests.accounts.evidence.exports import Studio, canonical, run

SIZE, STEP, CASES = 24, 8, 4


def in_record(studio, place):
    studio.lines[place]["record"]["facts"]["images"] += 1


def in_payload(studio, place):
    studio.lines[place]["payload"]["data"]["prompt"] += "!"


def in_salt(studio, place):
    salt = studio.lines[place]["payload"]["salt"]
    studio.lines[place]["payload"]["salt"] = ("B" if salt[0] == "A" else "A") + salt[1:]


def payload_emptied(studio, place):
    studio.lines[place].update(payload=None, erased=True)


def in_entry(studio, place):
    next(line for n, line in studio.entries if n == place)["entry"]["amount"] += 1


def entry_deleted(studio, place):
    studio.entries.remove(next(pair for pair in studio.entries if pair[0] == place))


def entry_added(studio, place):
    number, line = next(pair for pair in studio.entries if pair[0] == place)
    studio.entries.append((number, json.loads(canonical(line))))


def deleted(studio, place):
    del studio.lines[place]


def deleted_and_counted_anew(studio, place):
    deleted(studio, place)
    count_anew(studio)


def inserted(studio, place):
    studio.lines.insert(place, json.loads(canonical(studio.lines[place])))


def inserted_and_counted_anew(studio, place):
    inserted(studio, place)
    count_anew(studio)


def exchanged(studio, place):
    other = place - 1 or 2
    lines = studio.lines
    lines[place], lines[other] = lines[other], lines[place]


def exchanged_and_counted_anew(studio, place):
    exchanged(studio, place)
    count_anew(studio)


def back_dated(studio, place):
    studio.lines[place]["record"]["at"] = "2025-01-01T00:00:00.000000Z"


def back_dated_with_its_leaf(studio, place):
    back_dated(studio, place)
    studio.seal(place)


def count_anew(studio):
    for place, line in enumerate(studio.lines):
        line["place"] = place


REWRITTEN = [
    deleted_and_counted_anew,
    inserted_and_counted_anew,
    exchanged_and_counted_anew,
    back_dated_with_its_leaf,
]
WITH_PAYLOAD = [in_payload, in_salt, payload_emptied]
WITH_ENTRIES = [in_entry, entry_deleted, entry_added]
OTHERS = [in_record, deleted, inserted, exchanged, back_dated]
FIRST, MIDDLE, TAIL = 0, 1, 2


def place_of(chance, change):
    places = range(1, SIZE - 1)
    if change in WITH_PAYLOAD:
        places = range(1, SIZE, 2)
    if change in WITH_ENTRIES:
        places = range(4, SIZE, 4)
    return chance.choice(places)


@pytest.mark.parametrize("change", WITH_PAYLOAD + WITH_ENTRIES + OTHERS + REWRITTEN)
def test_the_first_bad_record_or_the_range_is_named(change, tmp_path):
    chance = random.Random(change.__name__)
    for case in range(CASES):
        studio = Studio(SIZE, step=STEP, seed=case, versions=(2,))
        sound = studio.export()
        place = place_of(chance, change)
        change(studio, place)
        export = studio.export()
        export.notes, export.proof, export.pictures = sound.notes, sound.proof, {}
        code, found = run(export.write(tmp_path / str(case)))
        assert code == 1, place
        assert names(found, place), (place, found)


def names(found, place):
    """Whether the place is named: as bad, as missing, in a range, or as what cannot be proven."""
    integrity, missing = found["integrity"], found["complete"]["missing"]
    between = integrity["between"] or [SIZE, 0]
    return (
        abs((integrity["first_bad"] or 0) - place) <= 1
        or any(first <= place <= last for first, last in missing)
        or between[0] <= place <= between[1]
        or (missing and place > found["proven"][1])
        or integrity["told"] == ["Some ledger entries or pictures are named by no record."]
    )


@pytest.mark.parametrize("cut", [slice(0, 5), slice(9, 12), slice(20, SIZE)])
def test_records_that_were_deleted_are_listed(cut, tmp_path):
    export = Studio(SIZE, step=STEP).export()
    del export.records[cut]
    code, found = run(export.write(tmp_path))
    assert (code, found["complete"]["missing"]) == (1, [[cut.start, cut.stop - 1]])


def test_a_checkpoint_of_a_longer_log_shows_that_an_older_state_was_restored(tmp_path):
    studio = Studio(SIZE, step=STEP)
    newest = studio.notes()[-1]
    export = studio.export(size=16)
    export.notes.append(newest)
    code, found = run(export.write(tmp_path))
    assert (code, found["complete"]["missing"]) == (1, [[16, SIZE - 1]])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_checkpoint_that_was_exchanged(place, tmp_path):
    export = Studio(SIZE, step=STEP).export()
    other = Studio(SIZE, step=STEP, seed=9).export()
    export.notes[place] = other.notes[place]
    code, found = run(export.write(tmp_path))
    assert code == 1
    assert found["integrity"]["ok"] is False


@pytest.mark.parametrize(
    "name", ["records.jsonl", "entries.jsonl", "checkpoints.txt", "proof.json", "keys.txt"]
)
def test_no_byte_of_an_export_can_be_changed(name, tmp_path):
    chance = random.Random(name)
    export = Studio(SIZE, step=STEP).export(3, 17)
    export.pictures = {}
    path = export.write(tmp_path) / name
    sound = path.read_bytes()
    for _ in range(8):
        at = chance.randrange(len(sound) - 1)
        path.write_bytes(
            sound[:at] + bytes([sound[at] ^ 1 << chance.randrange(8)]) + sound[at + 1 :]
        )
        assert run(tmp_path, "--all")[0] == 1, (at, sound[at - 20 : at + 20])
