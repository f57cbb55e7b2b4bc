"""`export_audit`: a ZIP that `verify.py` in it finds sound, and the record of the export."""

import hashlib
import io
import json
import random
import subprocess
import sys
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command

from accounts.events import Event
from accounts.evidence import archive, export, selection
from accounts.models import Record
from tests.accounts.evidence import damage
from tests.accounts.evidence.exports import run

pytestmark = pytest.mark.django_db


def export_audit(path, *arguments):
    output = io.StringIO()
    call_command("export_audit", "--output", str(path), *arguments, stdout=output)
    return json.loads(output.getvalue())


def unpacked(path):
    folder = path.with_suffix("")
    with ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def test_the_whole_log_is_sound(sealed_log, tmp_path):
    told = export_audit(tmp_path / "log.zip")
    code, found = run(unpacked(tmp_path / "log.zip"), "--all")
    assert (code, found["integrity"]["told"]) == (0, [])
    assert found["records"] == found["sealed"] == told["records"]


def test_any_range_is_sound(sealed_log, tmp_path):
    for first, last in ((0, 3), (5, 9), (12, 15)):
        path = tmp_path / f"{first}.zip"
        told = export_audit(path, "--from", str(first), "--to", str(last))
        assert told["records"] == last - first + 1
        code, found = run(unpacked(path), "--all")
        assert (code, found["proven"]) == (0, [first, last])


def test_a_payload_that_the_studio_cannot_have_written_is_shown_as_damage(sealed_log, tmp_path):
    place = damage.run(damage.payload_not_canonical, random.Random(1))
    export_audit(tmp_path / "log.zip")
    code, found = run(unpacked(tmp_path / "log.zip"))
    assert (code, found["integrity"]["first_bad"]) == (1, place)


def test_the_program_in_it_needs_nothing_else(sealed_log, tmp_path):
    export_audit(tmp_path / "log.zip")
    done = subprocess.run(
        [sys.executable, "-I", "verify.py"],
        cwd=unpacked(tmp_path / "log.zip"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_export_is_recorded_with_the_hash_of_the_file(sealed_log, tmp_path):
    path = tmp_path / "log.zip"
    told = export_audit(path)
    facts = Record.objects.get(event=Event.LOG_EXPORTED).facts
    assert facts["sha256"] == told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts["bytes"] == path.stat().st_size
    assert (facts["first"], facts["last"], facts["records"]) == (0, 15, 16)


@pytest.mark.parametrize("arguments", [("--from", "99"), ("--from", "3", "--to", "2")])
def test_a_range_that_is_not_sealed_is_refused(sealed_log, tmp_path, arguments):
    with pytest.raises(CommandError, match="Sealed are the records 0 to 15"):
        export_audit(tmp_path / "log.zip", *arguments)
    assert list(tmp_path.glob("*.zip")) == []


def test_a_file_that_cannot_be_written_leaves_no_record(sealed_log, tmp_path):
    with pytest.raises(CommandError, match="cannot be written"):
        export_audit(tmp_path / "missing" / "log.zip")
    assert not Record.objects.filter(event=Event.LOG_EXPORTED).exists()


def test_an_export_that_is_stopped_leaves_no_file(sealed_log, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "BATCH", 2)
    steps = export.write(tmp_path / "log.zip", selection.sealed_range(), actor=None)
    assert next(steps).records == 2
    assert list(tmp_path.glob(".log.zip.*")) != []
    steps.close()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert not Record.objects.filter(event=Event.LOG_EXPORTED).exists()


def test_records_that_are_written_meanwhile_are_not_in_it(sealed_log, write, tmp_path):
    places = selection.sealed_range()
    write()
    *_, done = export.write(tmp_path / "log.zip", places, actor=None)
    assert done.records == 16
    assert run(unpacked(tmp_path / "log.zip"))[0] == 0
