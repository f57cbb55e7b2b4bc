"""Exports of chosen records: each is proven, and what is left out is counted and stays unknown."""

import csv
import json
import random
from contextlib import closing, contextmanager

import pytest

from accounts import sealing
from accounts.events import Event
from accounts.evidence import archive, selection, tables
from accounts.evidence.places import Places
from accounts.evidence.selection import Range
from accounts.models import Leaf, Record
from accounts.sealing import witnesses
from tests.accounts.evidence import damage
from tests.accounts.evidence.exports import run
from tests.accounts.evidence.test_accepted import accept
from tests.accounts.evidence.test_export import unpacked
from tests.records import write

pytestmark = pytest.mark.django_db
SIZE = 16


@contextmanager
def chosen(folder, places):
    with closing(Places(folder)) as found:
        found.add(places)
        found.end()
        yield Range(found.first, found.last, selection.newest_checkpoint(), found)


def exported(folder, places):
    """The unpacked export of `places`."""
    path = folder / "log.zip"
    with chosen(folder, places) as selected:
        for _ in archive.fill(path, selected, about={"filters": {"q": "fox"}}):
            pass
    return unpacked(path)


class TestChosenRecords:
    @pytest.mark.parametrize("seed", range(6))
    def test_any_choice_is_sound_and_told_apart_from_the_whole(self, sealed_log, tmp_path, seed):
        places = random.Random(seed).sample(range(SIZE), k=1 + seed * 2)
        code, found = run(exported(tmp_path, places), "--all")
        assert (code, found["integrity"]["told"], found["complete"]["missing"]) == (0, [], [])
        assert found["records"] == len(places)
        assert found["left_out"] == max(places) - min(places) + 1 - len(places)

    def test_what_is_left_out_is_not_in_it(self, sealed_log, tmp_path):
        folder = exported(tmp_path, [3, 4, 9])
        text = (folder / "records.jsonl").read_text()
        for leaf in Leaf.objects.exclude(place__in=[3, 4, 9]).select_related("record"):
            assert str(leaf.record.uuid) not in text
        manifest = json.loads((folder / "manifest.json").read_text())
        assert (manifest["records"], manifest["left_out"]) == (3, 4)
        assert manifest["filters"] == {"q": "fox"}
        assert "does not show" in manifest["covers"]

    @pytest.mark.parametrize("row", [0, 1, 2])
    def test_a_change_of_any_record_is_found(self, sealed_log, tmp_path, row):
        folder = exported(tmp_path, [3, 7, 9])
        lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
        lines[row]["record"]["event"] = "user:changed!"
        self.rewrite(folder, lines)
        code, found = run(folder)
        assert (code, found["integrity"]["first_bad"]) == (1, [3, 7, 9][row])
        assert found["complete"]["ok"]

    def test_a_removed_record_is_missing(self, sealed_log, tmp_path):
        folder = exported(tmp_path, [3, 7, 9])
        lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
        self.rewrite(folder, [lines[0], lines[2]])
        code, found = run(folder)
        assert (code, found["complete"]["missing"]) == (1, [[4, 7]])

    @pytest.mark.parametrize(
        "gap", [[], [4], [4, "00" * 32], [4] + ["00" * 32] * 9, [9, "no hash"], 7]
    )
    def test_a_forged_gap_is_found(self, sealed_log, tmp_path, gap):
        folder = exported(tmp_path, [3, 9])
        lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
        lines[1]["left_out"] = gap
        self.rewrite(folder, lines)
        assert run(folder)[0] == 1

    def test_damage_is_shown(self, sealed_log, tmp_path):
        place = damage.run(damage.payload_not_canonical, random.Random(1))
        code, found = run(exported(tmp_path, [0, place, SIZE - 1]))
        assert (code, found["integrity"]["first_bad"]) == (1, place)

    def test_what_was_accepted_is_named_by_an_export_that_holds_a_part_of_it(
        self, sealed_log, tmp_path, write
    ):
        """Whichever records are chosen, with the checkpoints from before."""
        place = damage.run(damage.back_dated_with_its_leaf, random.Random(3))
        accept()
        write()
        sealing.seal()
        outside = "--all", "--outside", str(witnesses.checkpoint_file())
        accepting = Leaf.objects.get(record__event=Event.LOG_DAMAGE_ACCEPTED)
        ranges = accepting.record.facts["ranges"]
        for name, places in enumerate([[place], [0, place, 15], [2, 9, 14], [place, 17], [16]]):
            (tmp_path / str(name)).mkdir()
            folder = exported(tmp_path / str(name), places)
            code, found = run(folder, *outside)
            assert (code, found["accepted"]) == (0, ranges), found
            manifest = json.loads((folder / "manifest.json").read_text())
            is_added = accepting.place not in places
            assert (manifest["records"], manifest["added"]) == (len(places), int(is_added))
            assert ("A backup was restored" in (folder / "records.jsonl").read_text()) != is_added

    def test_what_was_not_accepted_is_still_damage(self, sealed_log, tmp_path):
        places = Leaf.objects.filter(record__payload__isnull=False).order_by("place")
        first, second, *_rest = places.values_list("place", flat=True)
        damage.run(lambda _chance: damage.payload_at(first), None)
        accept()
        damage.run(lambda _chance: damage.payload_at(second), None)
        code, found = run(exported(tmp_path, [first, second]))
        assert (code, found["integrity"]["first_bad"]) == (1, second)

    def rewrite(self, folder, lines):
        text = b"".join(archive.canonical_bytes(line) + b"\n" for line in lines)
        (folder / "records.jsonl").write_bytes(text)


def test_places_are_sorted_on_disk_and_once_each(sealed_log, tmp_path, monkeypatch):
    monkeypatch.setattr("accounts.evidence.places.STRETCH", 7)
    monkeypatch.setattr("accounts.evidence.places.READ", 3)
    numbers = [random.Random(1).randrange(50) for _ in range(100)]
    with chosen(tmp_path, numbers) as selected:
        assert list(selected.chosen) == sorted(set(numbers))
        ends = (selected.first, selected.last, selected.count)
    assert ends == (min(numbers), max(numbers), len(set(numbers)))


def test_nobody_exports_what_was_erased_meanwhile(sealed_log, monkeypatch):
    before = selection.erasures()
    selection.refuse_erased(before)
    monkeypatch.setattr("accounts.evidence.lines.ERASED", str(Record.objects.last().event))
    with pytest.raises(selection.ErasedMeanwhile):
        selection.refuse_erased(before)


class TestTables:
    """JSON Lines and CSV of hostile text."""

    HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1")
    PROMPTS = (*HOSTILE, "a\u202egnp.exe", 'fox, "red"\nsecond line;=1', "x" * 150_000)

    @pytest.fixture
    def places(self, alice, data_dir):
        for prompt in self.PROMPTS:
            write(Event.RUN_REFUSED, actor=alice, subject=alice, personal={"prompt": prompt})
        sealing.seal()
        return selection.sealed_range()

    def test_json_lines_hold_every_text_as_it_was_written(self, places, tmp_path):
        *_, done = tables.fill_lines(tmp_path / "log.jsonl", places)
        text = (tmp_path / "log.jsonl").read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        assert done.records == len(lines)
        payloads = [line["payload"]["data"] for line in lines if line["payload"]]
        assert tuple(each["prompt"] for each in payloads if "prompt" in each) == self.PROMPTS

    def test_a_table_holds_one_row_for_each_record(self, places, tmp_path):
        *_, done = tables.fill_csv(tmp_path / "log.csv", places)
        with (tmp_path / "log.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert done.records == len(rows)
        prompts = [row["prompt"] for row in rows if row["event"] == "run:refused"]
        assert prompts == [tables.cell(prompt) for prompt in self.PROMPTS]
        assert {row["person_name_today"] for row in rows if row["person"]} == {"Alice Adams"}

    def test_no_cell_begins_as_a_formula(self):
        for text in self.HOSTILE:
            assert tables.cell(text).startswith("'")
        assert tables.cell("fox = animal") == "fox = animal"
        assert tables.cell("a\u202egnp\x00") == "a\\u202egnp\\u0000"

    def test_a_cell_that_excel_would_spill_is_cut(self):
        cell = tables.cell("x" * 1_000_000)
        assert len(cell) < 32_767
        assert "cut" in cell
