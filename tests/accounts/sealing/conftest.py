"""A studio with keys and checkpoints of its own, and records to be sealed."""

import hashlib
import uuid

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import Record, Unsealed
from accounts.sealing import witnesses


@pytest.fixture
def data_dir(settings, tmp_path):
    """The empty data folder of this test's studio."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def write(alice, data_dir):
    """`write()`: a record of an act, which waits for sealing."""

    def write(**values):
        with transaction.atomic():
            return audit.record(Event.USER_CHANGED, actor=alice, subject=alice, **values)

    return write


@pytest.fixture
def write_many(data_dir, db):
    """`write_many(count)`: records that wait for sealing, written all at once."""

    def write_many(count):
        now = timezone.now()
        records = [
            Record(
                at=now,
                event=Event.USER_CHANGED,
                subject_kind="user",
                subject_id=uuid.uuid4(),
                leaf=hashlib.sha256(str(number).encode()).digest(),
            )
            for number in range(count)
        ]
        Record.objects.bulk_create(records)
        Unsealed.objects.bulk_create(Unsealed(record=record, since=now) for record in records)
        return records

    return write_many


@pytest.fixture
def checkpoints():
    """`checkpoints()`: the notes in the file of checkpoints."""

    def notes_in_file():
        return witnesses.checkpoint_file().read_text().split("---\n")[:-1]

    return notes_in_file
