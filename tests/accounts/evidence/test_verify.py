"""`verify.py` on exports that another implementation made."""

import ast
import base64
import hashlib
import json
import os
import random
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.evidence import verify
from tests.accounts.evidence.exports import Signer, Studio, canonical, root, run
from tests.accounts.evidence.malformed import MALFORMED_RANGES, VALUES

SOURCE = Path(verify.__file__)
QUIET = {"capture_output": True, "text": True}
RUBBISH = [
    b"",
    b"\n",
    b"null\n",
    b"[]\n",
    b'{"place":1e99}\n',
    b"[" * 100_000 + b"\n",
    b'{"first":' * 50_000 + b"\n",
    b"\xff\xfe\x00\n---\n",
    b'{"place":NaN,"first":Infinity}\n',
    b'{"place":' + b"9" * 5000 + b"}\n",
    b'{"place":0,"leaf":[],"record":{"v":[]},"payload":1}\n',
    b'{"place":0,"leaf":"00","record":{"v":2},"payload":{},"extra":1}\n',
    b'{"a":"\\ud800"}\n',
    b"\xe2\x80\x94 a b\n\n\n---\n",
]


# Values of records that the verification reads, each in a record that has it.
FORGED = {
    name: {"event": event, "facts": {name: []} if is_fact else {}}
    for name, event, is_fact in (
        ("ranges", "log:damage_accepted", True),
        ("records", "personal:erased", True),
        ("entries", "run:submitted", True),
        ("facts", "log:damage_accepted", False),
        ("event", "run:submitted", False),
        ("personal", "run:submitted", False),
        ("id", "run:submitted", False),
        ("v", "run:submitted", False),
    )
}


@pytest.fixture
def studio():
    return Studio(20)


def changed(export, folder, **values):
    for name, value in values.items():
        setattr(export, name, value)
    return run(export.write(folder))


class TestSoundExports:
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 20])
    def test_any_range_of_any_log_is_sound(self, size, tmp_path):
        studio = Studio(size, step=3)
        ranges = {(0, size - 1), (size // 2, size - 1), (0, size // 2), (size // 3, size // 2)}
        for first, last in ranges:
            code, found = run(studio.export(first, last).write(tmp_path / f"{first}-{last}"))
            assert (code, found["records"], found["sealed"]) == (0, last - first + 1, size)
            assert found["integrity"]["ok"]
            assert found["complete"] == {"ok": True, "missing": []}
            assert found["proven"] == [first, last]

    def test_runs_alone_under_plain_python(self, studio, tmp_path):
        folder = studio.export().write(tmp_path)
        (folder / "verify.py").write_bytes(SOURCE.read_bytes())
        done = subprocess.run([sys.executable, "-I", "verify.py"], cwd=folder, check=False, **QUIET)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Records: 20 read, 0 left out, 20 sealed." in done.stdout
        assert "Compare them with another source" in done.stdout

    def test_it_is_short_and_of_the_standard_library(self):
        text = SOURCE.read_text()
        assert len(text.splitlines()) < 300
        modules = re.findall(r"^(?:import|from) ([a-z0-9]+)", text, re.MULTILINE)
        assert set(modules) <= sys.stdlib_module_names
        assert ast.parse(text, feature_version=(3, 9))

    def test_an_erased_payload_with_its_record(self, studio, tmp_path):
        studio.erase(3, 7)
        assert run(studio.export().write(tmp_path))[0] == 0

    def test_an_erasure_after_the_range_is_not_damage(self, studio, tmp_path):
        studio.erase(3)
        assert run(studio.export(0, 9).write(tmp_path))[0] == 0


class TestKeys:
    def test_a_key_that_is_trusted(self, studio, tmp_path):
        folder = studio.export().write(tmp_path / "export")
        (tmp_path / "mine.txt").write_text(studio.signer.vkey + "\n")
        assert run(folder, "--key", tmp_path / "mine.txt")[0] == 0

    def test_a_forged_export_has_another_key(self, studio, tmp_path):
        (tmp_path / "mine.txt").write_text(studio.signer.vkey)
        studio.signer = Signer(seed=b"\x08" * 32)
        folder = studio.export().write(tmp_path / "export")
        assert run(folder)[0] == 0
        code, found = run(folder, "--key", tmp_path / "mine.txt")
        assert code == 1
        assert "no known key has signed it" in found["integrity"]["told"][0]

    def test_the_key_of_another_log_is_no_key_of_this_one(self, studio, tmp_path):
        other = Signer(name="other.example/log/1")
        export = studio.export()
        export.keys = [other.vkey]
        last = other.note(20, root(studio.leaves), 20, origin=studio.signer.name)
        assert changed(export, tmp_path, notes=[*export.notes[:-1], last])[0] == 1

    def test_older_signatures_are_checked_on_request(self, studio, tmp_path):
        export = studio.export()
        forged = Signer(seed=b"\x08" * 32).note(8, root(studio.leaves[:8]), 8)
        export.notes[0] = forged
        folder = export.write(tmp_path)
        assert run(folder)[0] == 0
        assert run(folder, "--all")[0] == 1

    def test_agrees_with_another_implementation_of_ed25519(self):
        chance = random.Random(5)
        for _ in range(10):
            private = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
            key, text = private.public_key().public_bytes_raw(), chance.randbytes(50)
            signature = private.sign(text)
            assert verify.is_signature(signature, text, key)
            bit = 1 << chance.randrange(512)
            flipped = (int.from_bytes(signature, "little") ^ bit).to_bytes(64, "little")
            assert not verify.is_signature(flipped, text, key)
            assert not verify.is_signature(signature, text + b"x", key)

    def test_a_signature_has_one_form_only(self):
        private = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
        key, signature = private.public_key().public_bytes_raw(), private.sign(b"x")
        s = int.from_bytes(signature[32:], "little") + verify.L
        assert not verify.is_signature(signature[:32] + s.to_bytes(32, "little"), b"x", key)

    @pytest.mark.parametrize(
        "key",
        [
            b"\x01" + bytes(31),  # the neutral point, for which any text would be signed
            bytes(32),  # a point of order 4
            (verify.P + 1).to_bytes(32, "little"),  # the neutral point in another form
            b"\x01" + bytes(30) + b"\x80",  # x = 0 with the sign of an odd number
            b"\x02" + bytes(31),  # no point of the curve
            b"",
        ],
    )
    def test_weak_and_malformed_keys_are_refused(self, key):
        neutral = b"\x01" + bytes(31)
        assert not verify.is_signature(neutral + bytes(32), b"x", key)


class TestHostileExports:
    @pytest.mark.parametrize(
        "name", ["records.jsonl", "entries.jsonl", "checkpoints.txt", "proof.json", "keys.txt"]
    )
    def test_a_missing_file_is_named(self, studio, tmp_path, name):
        folder = studio.export().write(tmp_path)
        (folder / name).unlink()
        code, found = run(folder)
        assert code == 1
        assert f"{name} is missing" in found["integrity"]["told"][-1]
        os.mkfifo(folder / name)
        assert run(folder)[0] == 1

    @pytest.mark.parametrize(
        "name", ["records.jsonl", "entries.jsonl", "checkpoints.txt", "proof.json", "keys.txt"]
    )
    def test_any_rubbish_gives_a_sentence(self, studio, tmp_path, name):
        folder = studio.export().write(tmp_path)
        for text in RUBBISH:
            (folder / name).write_bytes(text)
            code, found = run(folder)
            assert (code, found["complete"]["ok"] and found["integrity"]["ok"]) == (1, False), text
            assert all(len(sentence) < 200 for sentence in found["integrity"]["told"])

    def test_an_endless_line(self, studio, tmp_path, monkeypatch):
        monkeypatch.setattr(verify, "MAX_LINE", 10_000)
        folder = studio.export().write(tmp_path)
        with (folder / "records.jsonl").open("ab") as file:
            file.write(b"x" * 20_000)
        assert "too long" in run(folder)[1]["integrity"]["told"][-1]

    @pytest.mark.parametrize(
        "values",
        [
            {"first": -1},
            {"first": "0"},
            {"last": 25},
            {"size": 2**200},
            {"size": 21},
            {"before": ["00"]},
            {"after": ["zz"]},
            {"after": None},
            {"after": ["00" * 32]},
        ],
    )
    def test_a_wrong_proof(self, studio, tmp_path, values):
        export = studio.export(1, 9)
        export.proof |= values
        assert run(export.write(tmp_path))[0] == 1

    def test_any_value_of_a_sealed_record_gives_a_sentence(self, tmp_path):
        """As somebody forges it who can seal: each value is of another shape."""
        for number, (name, value) in enumerate(product(FORGED, VALUES)):
            studio = Studio(4, versions=(2,))
            record = studio.lines[2]["record"]
            record.update(FORGED[name] | {"personal": None})
            (record["facts"] if name in record["facts"] else record)[name] = value
            studio.lines[2]["payload"] = None
            studio.seal(2)
            code, found = run(studio.export().write(tmp_path / str(number)))
            told = found["integrity"]["told"]
            assert code == 0 or any("Record 2: " in each for each in told), (name, value, found)

    def test_members_that_stand_twice(self, studio, tmp_path):
        folder = studio.export().write(tmp_path)
        text = (folder / "records.jsonl").read_text()
        for told in ('"images":4', '"images":4.0', '"images":4e0', '"images": 4'):
            other = f'{told},"images":4' if told == '"images":4' else told
            (folder / "records.jsonl").write_text(text.replace('"images":4', other))
            assert run(folder)[1]["integrity"]["first_bad"] == 4

    def test_ten_thousand_faults_are_counted_and_a_few_told(self, tmp_path):
        export = Studio(60).export()
        export.records = [line | {"payload": {}} for line in export.records]
        found = run(export.write(tmp_path))[1]
        assert len(found["integrity"]["told"]) == verify.SHOWN
        export.records = export.records[::2]
        assert len(run(export.write(tmp_path))[1]["complete"]["missing"]) == verify.SHOWN


class TestWhatIsSaid:
    def test_a_changed_record_and_the_others_that_are_proven(self, studio, tmp_path):
        export = studio.export()
        export.records[9]["record"]["facts"]["images"] = 77
        found = run(export.write(tmp_path))[1]
        assert found["integrity"]["first_bad"] == 9
        assert found["integrity"]["told"] == ["Record 9: its text is not the one of its leaf."]
        assert found["complete"]["ok"]
        assert found["proven"] == [0, 19]  # by its leaf, which still fits

    def test_a_gap_and_the_part_before_it(self, studio, tmp_path):
        export = studio.export()
        del export.records[9:12]
        found = run(export.write(tmp_path))[1]
        assert found["complete"] == {"ok": False, "missing": [[9, 11]]}
        assert found["proven"] == [0, 7]

    def test_a_record_rewritten_with_its_leaf(self, studio, tmp_path):
        notes = studio.notes()
        studio.lines[9]["record"]["facts"]["images"] = 77
        studio.seal(9)
        found = changed(studio.export(), tmp_path, notes=notes)[1]
        assert found["integrity"]["between"] == [8, 15]
        assert found["integrity"]["first_bad"] == 8
        assert found["proven"] == [0, 7]

    def test_a_checkpoint_of_another_log_among_good_ones(self, studio, tmp_path):
        export = studio.export()
        export.notes[0] = studio.signer.note(8, b"\x01" * 32, 8)
        found = run(export.write(tmp_path))[1]
        assert found["integrity"]["told"] == ["The checkpoint of 8 records is of another log."]
        assert found["proven"] == [0, 19]

    def test_a_checkpoint_exchanged_for_its_neighbour(self, studio, tmp_path):
        export = studio.export()
        export.notes[0] = export.notes[1]
        code, found = run(export.write(tmp_path))
        assert code == 1
        assert found["integrity"]["told"] == ["The checkpoint of 16 stands twice."]

    def test_a_tail_cut_off_with_its_checkpoints_needs_a_checkpoint_from_elsewhere(
        self, studio, tmp_path
    ):
        (tmp_path / "kept.txt").write_text("".join(f"{note}---\n" for note in studio.notes()))
        folder = studio.export(size=16).write(tmp_path / "export")
        assert run(folder)[0] == 0
        code, found = run(folder, "--outside", tmp_path / "kept.txt")
        assert code == 1
        assert found["complete"]["missing"] == [[16, 19]]

    def test_a_log_rewritten_by_the_owner_of_the_key_contradicts_outside_checkpoints(
        self, studio, tmp_path
    ):
        (tmp_path / "kept.txt").write_text("".join(f"{note}---\n" for note in studio.notes()))
        studio.lines[3]["record"]["facts"]["images"] = 77
        studio.seal(3)
        folder = studio.export().write(tmp_path / "export")
        assert run(folder)[0] == 0
        assert run(folder, "--outside", tmp_path / "kept.txt")[0] == 1

    def test_an_emptied_payload_that_no_record_erased(self, studio, tmp_path):
        studio.lines[5].update(payload=None, erased=True)
        found = run(studio.export().write(tmp_path))[1]
        assert found["integrity"]["first_bad"] == 5

    def test_a_picture_of_no_record(self, studio, tmp_path):
        export = studio.export()
        export.pictures["0.bin"] += b"!"
        assert run(export.write(tmp_path))[0] == 1

    def test_texts_of_the_export_are_not_printed(self, studio, tmp_path):
        export = studio.export()
        export.records[4]["\x1b[2J"] = "\x1b[31m"
        folder = export.write(tmp_path)
        done = subprocess.run([sys.executable, SOURCE], cwd=folder, check=False, **QUIET)
        assert done.returncode == 1
        assert "\x1b" not in done.stdout + done.stderr
        assert "Record 4: it is malformed." in done.stdout


def test_the_other_implementation_follows_the_rfc():
    leaves = [hashlib.sha256(b"\x00" + bytes([n])).digest() for n in range(3)]
    left = hashlib.sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    assert root(leaves) == hashlib.sha256(b"\x01" + left + leaves[2]).digest()
    assert base64.b64decode(Signer().vkey.split("+", 2)[2])[0] == 1
    assert canonical(json.loads('{"b":1,"a":"é"}')) == '{"a":"é","b":1}'.encode()


class TestAcceptedDamage:
    """A record of the log may accept damage to others; nothing else may."""

    EVERYTHING = [[0, 10**9, ""], [0, 10**9, "9999-12-31T23:59:59.999999Z"]]

    def accept(self, line, ranges):
        line["record"] |= {"event": "log:damage_accepted", "facts": {"ranges": ranges}}

    def seal(self, line):
        line["leaf"] = hashlib.sha256(b"\x00" + canonical(line["record"])).hexdigest()

    def damaged(self, studio, *, place=9, accepted=((9, 9, ""),)):
        """A log of which a record was changed; the last record accepts ranges."""
        self.accept(studio.lines[19], accepted)
        studio.seal(19)
        export = studio.export()
        export.records[place]["record"]["event"] = "run:changed"
        return export

    def test_a_sealed_record_with_malformed_ranges_is_named_and_accepts_nothing(
        self, studio, tmp_path
    ):
        for ranges in MALFORMED_RANGES:
            folder = self.damaged(studio, accepted=ranges).write(tmp_path)
            code, found = run(folder)
            assert (code, found["accepted"], found["integrity"]["first_bad"]) == (1, [], 9)
            assert found["integrity"]["told"][1].startswith("Record 19: "), ranges

    def test_ranges_may_overlap(self, studio, tmp_path):
        export = self.damaged(studio, accepted=[[4, 10, ""], [9, 12, ""]])
        assert run(export.write(tmp_path))[0] == 0

    def test_a_sealed_record_accepts_a_range_and_no_other_place(self, studio, tmp_path):
        code, found = run(self.damaged(studio).write(tmp_path / "in"))
        assert (code, found["accepted"]) == (0, [[9, 9, ""]])
        code, found = run(self.damaged(studio, place=11).write(tmp_path / "out"))
        assert (code, found["integrity"]["first_bad"]) == (1, 11)

    def test_a_record_that_says_so_and_is_not_as_it_was_sealed_accepts_nothing(
        self, studio, tmp_path
    ):
        export = studio.export()
        self.accept(export.records[6], self.EVERYTHING)
        export.records[9]["record"]["event"] = "run:changed"
        code, found = run(export.write(tmp_path))
        assert (code, found["integrity"]["first_bad"], found["accepted"]) == (1, 6, [])

    def test_a_record_that_no_signed_checkpoint_confirms_accepts_nothing(self, studio, tmp_path):
        export = studio.export()
        self.accept(export.records[6], self.EVERYTHING)
        export.records[9]["record"]["event"] = "run:changed"
        for place in (6, 9):
            self.seal(export.records[place])
        code, found = run(export.write(tmp_path), "--all")
        assert code == 1
        assert "newest checkpoint" in " ".join(found["integrity"]["told"])

    @pytest.mark.parametrize("place", [6, 19, 20, -1, None])
    def test_a_line_that_stands_twice_accepts_nothing(self, studio, tmp_path, place):
        export = studio.export()
        line = json.loads(json.dumps(export.records[6])) | {"place": place}
        self.accept(line, self.EVERYTHING)
        self.seal(line)
        export.records[9]["record"]["event"] = "run:changed"
        export.records.append(line)
        assert run(export.write(tmp_path), "--all")[0] == 1

    def test_a_checkpoint_from_before_may_contradict_in_the_accepted_range(self, studio, tmp_path):
        """Whether or not the export begins with the range, or has what is before it."""
        notes = studio.notes()
        studio.lines[9]["record"]["event"] = "run:changed"
        studio.seal(9)
        self.accept(studio.lines[19], [[8, 15, notes[1].split("\n")[3]]])
        studio.seal(19)
        for first in (0, 6, 8, 9, 15):
            export = studio.export(first)
            export.notes[1] = notes[1]
            assert run(export.write(tmp_path / str(first)), "--all")[0] == 0
        export = studio.export()
        export.notes[0] = studio.signer.note(8, b"\x01" * 32, 8)
        export.notes[1] = notes[1]
        assert run(export.write(tmp_path / "before"), "--all")[0] == 1

    def test_personal_text_that_is_withheld_counts_as_left_out(self, studio, tmp_path):
        studio.lines[5].update(payload="withheld")
        code, found = run(studio.export(2, 9).write(tmp_path / "withheld"))
        assert (code, found["records"], found["left_out"]) == (0, 8, 1)
        studio.lines[5].update(payload="held")
        assert run(studio.export(2, 9).write(tmp_path / "forged"))[0] == 1
