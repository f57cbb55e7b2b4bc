"""A studio with a sealed log."""

import uuid

import pytest
from django.db import transaction

from accounts import audit, sealing
from accounts.events import Event


@pytest.fixture
def data_dir(settings, tmp_path):
    """The empty data folder of this test's studio."""
    settings.DATA_DIR = tmp_path / "data"
    return settings.DATA_DIR


@pytest.fixture
def write(alice, data_dir):
    """`write()`: a record of an act, which waits for sealing."""

    def write(event=Event.USER_CHANGED, **values):
        with transaction.atomic():
            return audit.record(event, actor=alice, subject=alice, **values)

    return write


@pytest.fixture
def sealed_log(write):
    """A log with three checkpoints, which are also in the file."""
    for number in range(12):
        text = {"after": {"name": f"fox {number} 🦊"}} if number % 2 else None
        write(facts={"after": {"number": number}}, personal=text)
        if number % 4 == 3:
            write(story=uuid.uuid4())
            sealing.seal()
            sealing.copy()
