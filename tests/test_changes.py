"""`tests.changes` sees what changes without a record."""

import pytest

from accounts.events import Event
from accounts.models import User
from tests.changes import changed_tables, is_silent
from tests.records import write

pytestmark = pytest.mark.django_db


def test_a_change_without_a_record_is_seen(alice):
    with changed_tables() as tables:
        User.objects.filter(pk=alice.pk).update(name="x")
    assert is_silent(tables)


def test_a_change_with_a_record_is_fine(alice):
    with changed_tables() as tables:
        User.objects.filter(pk=alice.pk).update(name="x")
        write(Event.USER_CHANGED, actor=alice, subject=alice)
    assert not is_silent(tables)


def test_reading_is_fine(alice):
    with changed_tables() as tables:
        list(User.objects.all())
    assert not is_silent(tables)
