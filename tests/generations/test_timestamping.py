"""Time stamps of checkpoints, from an authority that openssl plays, and what an authority does."""

import subprocess
from datetime import timedelta
from zipfile import ZipFile

import pytest
from django.db import connection
from django.utils import timezone

from accounts import append_only, sealing
from accounts.evidence.live import verify_log
from accounts.models import Checkpoint, TimeStamp, Witness
from accounts.sealing import stamps, witnesses
from generations.tasks import stamp_checkpoints
from tests.accounts.evidence.conftest import data_dir, sealed_log, write  # noqa: F401
from tests.accounts.evidence.test_export import export_audit
from tests.authority import Authority

pytestmark = pytest.mark.django_db


@pytest.fixture
def authority(sealed_log, settings, tmp_path):  # noqa: F811
    """An authority that the studio, which has a sealed log, asks."""
    folder = tmp_path / "authority"
    folder.mkdir()
    with Authority(folder).serving() as authority:
        settings.LOG_TIMESTAMP_URL = authority.url
        yield authority


def openssl_verifies(authority, note, answer):
    asked = ["-data", note, "-in", answer, "-CAfile", authority.certificate]
    done = subprocess.run(["openssl", "ts", "-verify", *asked], check=False, capture_output=True)
    return done.returncode == 0


def trouble():
    return Witness.objects.get(name="timestamp").trouble


def test_the_newest_checkpoint_is_stamped_inside_and_outside(authority, tmp_path):
    stamp_checkpoints()
    row = TimeStamp.objects.get()
    assert row.checkpoint == Checkpoint.objects.latest("pk")
    assert abs(row.at - timezone.now()) < timedelta(minutes=1)
    [answer] = witnesses.stamp_folder().glob("*.tsr")
    assert answer.read_bytes() == bytes(row.answer)
    assert openssl_verifies(authority, answer.with_suffix(".txt"), answer)
    assert trouble() == ""
    assert verify_log()["integrity"]["ok"]

    export_audit(tmp_path / "log.zip")
    ZipFile(tmp_path / "log.zip").extractall(tmp_path / "log")
    [answer] = (tmp_path / "log" / "timestamps").glob("*.tsr")
    assert openssl_verifies(authority, answer.with_suffix(".txt"), answer)


def test_one_an_hour_is_enough(authority, write):  # noqa: F811
    stamp_checkpoints()
    write()
    sealing.seal()
    stamp_checkpoints()
    assert len(authority.queries) == 1
    assert not sealing.copying()["timestamp"].late
    Witness.objects.update(tried_at=timezone.now() - timedelta(hours=1))
    stamp_checkpoints()
    assert TimeStamp.objects.count() == 2


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (b"", 503, "stamp_away"),
        (b"x" * (stamps.MOST_BYTES + 1), 200, "stamp_away"),
        (b"", 200, "stamp_refused"),
        (b"<html>", 200, "stamp_refused"),
        (bytes.fromhex("30053003020102"), 200, "stamp_refused"),  # PKIStatus: rejected
    ],
)
def test_a_failure_is_noted_and_stops_nothing(authority, write, answer, status, code):  # noqa: F811
    authority.answer_with, authority.status = answer, status
    stamp_checkpoints()
    assert trouble() == code
    assert not TimeStamp.objects.exists()
    write()
    assert sealing.seal() == 1
    assert sealing.copy() == {}
    Checkpoint.objects.all()
    authority.answer_with, authority.status = None, 200
    stamp_checkpoints()
    assert not TimeStamp.objects.exists()  # a new try comes after some minutes
    Witness.objects.update(tried_at=timezone.now() - witnesses.AGAIN)
    stamp_checkpoints()
    assert (trouble(), TimeStamp.objects.count()) == ("", 1)


def test_an_authority_that_is_away(authority, settings):
    settings.LOG_TIMESTAMP_URL = "http://127.0.0.1:1/tsr"
    stamp_checkpoints()
    assert trouble() == "stamp_away"


def test_the_stamp_of_another_text_or_query_is_refused(authority):
    other, _nonce = stamps.query("another text")
    authority.answer_with = authority.stamp(other)
    stamp_checkpoints()
    assert trouble() == "stamp_refused"
    note = Checkpoint.objects.latest("pk").note
    again, _nonce = stamps.query(note)
    authority.answer_with = authority.stamp(again)
    Witness.objects.update(tried_at=None)
    stamp_checkpoints()
    assert trouble() == "stamp_refused"
    assert not TimeStamp.objects.exists()


def test_without_an_authority_nothing_is_asked(sealed_log):  # noqa: F811
    stamp_checkpoints()
    assert not Witness.objects.filter(name="timestamp").exists()


def test_a_stamp_that_is_late_is_watched(authority):
    Witness.objects.create(name="timestamp", trouble="stamp_away")
    assert not sealing.copying()["timestamp"].late
    with append_only.lifted(connection):
        Checkpoint.objects.update(at=timezone.now() - timedelta(hours=2))
    standing = sealing.copying()["timestamp"]
    assert standing.late
    assert "LOG_TIMESTAMP_URL does not answer" in standing.reason


def test_a_stamp_that_was_exchanged_is_found(authority, write):  # noqa: F811
    stamp_checkpoints()
    write()
    sealing.seal()
    Witness.objects.update(tried_at=None)
    stamp_checkpoints()
    one, other = TimeStamp.objects.order_by("pk")
    connection.check_constraints()
    with append_only.lifted(connection):
        TimeStamp.objects.filter(pk=one.pk).update(answer=other.answer, at=other.at)
    size = one.checkpoint.size
    assert verify_log()["integrity"]["told"] == [
        f"The time stamp of the checkpoint of {size} records was changed."
    ]


def test_any_rubbish_is_refused(authority):
    stamp_checkpoints()
    row = TimeStamp.objects.get()
    answer = bytes(row.answer)
    for at in range(0, 200, 3):
        flipped = answer[:at] + bytes([answer[at] ^ 0xFF]) + answer[at + 1 :]
        try:
            stamps.read(flipped, row.checkpoint.note)
        except stamps.StampError:
            continue
    with pytest.raises(stamps.StampError):
        stamps.read(answer[:-1], row.checkpoint.note)
