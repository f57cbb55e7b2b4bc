"""Ledger entries that no record names: somebody wrote them into the database."""

import io

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts import audit, ledger, sealing, tasks
from accounts.evidence import progress
from accounts.evidence.live import verify_log
from accounts.models import Entry
from tests.accounts.evidence import damage
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(sealed_log, alice):
    """A ledger with entries of several acts, and a log that names them all."""
    for credits in (3, 4):
        ledger.top_up(alice, credits, actor=alice, reason="a test")
    sealing.seal()
    assert Entry.objects.count() >= 3
    return list(Entry.objects.order_by("pk"))


def insert(entry, **changes):
    """Write an entry like another one, as the owner of the database can. Return its key."""

    def write(_chance):
        entry.pk = None
        for name, value in changes.items():
            setattr(entry, name, value)
        entry.save(force_insert=True)

    damage.run(write, None)
    return entry.pk


def digest_of(entry, **changes):
    for name, value in changes.items():
        setattr(entry, name, value)
    return {**changes, "digest": audit.entries.digest(entry)}


def told():
    return verify_log()["integrity"]["told"]


def sentence(key):
    return f"The ledger entry {key} was written outside the studio: no record names it."


def test_every_entry_of_the_studio_is_named_by_a_record(entries):
    assert told() == []


FORGERIES = {
    "with a digest of its own": lambda entry: digest_of(entry, amount=999),
    "with the digest of another": lambda entry: {"amount": 999},
    "with no digest": lambda entry: {"digest": None},
    "with any digest": lambda entry: {"digest": "x"},
    "of long ago": lambda entry: digest_of(entry, created_at=entry.created_at.replace(year=2001)),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_one_that_was_inserted_is_named(entries, forge):
    key = insert(entries[1], **forge(entries[1]))
    assert told() == [sentence(key)]


def test_a_record_far_from_its_entry_in_time_names_it(entries, alice, monkeypatch):
    """The clock was set in between."""
    later = entries[0].created_at.replace(year=2040)
    monkeypatch.setattr(timezone, "now", lambda: later)
    ledger.top_up(alice, 5, actor=alice, reason="a test")
    monkeypatch.undo()
    sealing.seal()
    assert told() == []


def test_it_is_found_step_by_step_and_with_few_queries(entries, alice, write):
    tasks.verify()
    assert progress.standing().trouble == ""
    key = insert(entries[1], **digest_of(entries[1], amount=999))
    write()
    sealing.seal()
    tasks.verify()
    assert progress.standing().trouble == sentence(key)


def test_it_is_accepted_on_the_record(entries, write):
    key = insert(entries[1], **digest_of(entries[1], amount=999))
    call_command("audit_accept_damage", reason="A test of ours", stdout=io.StringIO())
    found = verify_log()
    assert (found["integrity"]["ok"], found["accepted_rows"]) == (True, [f"entry {key}"])
    tasks.verify()
    assert progress.standing().trouble == ""


def test_many_entries_are_read_with_the_queries_of_few(entries, alice):
    few = queries_of(verify_log)
    for _ in range(5):
        ledger.top_up(alice, 1, actor=alice, reason="a test")
    sealing.seal()
    assert queries_of(verify_log) == few
