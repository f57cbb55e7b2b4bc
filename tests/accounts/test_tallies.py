"""Acts that strangers repeat: the first is recorded, the rest are counted and then recorded."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit import leaf_hash, record_bytes, tallies
from accounts.events import Event
from accounts.models import Record, Tally
from accounts.tasks import close_tallies
from tests.records import facts_of

pytestmark = pytest.mark.django_db
FAILED = Event.USER_SIGN_IN_FAILED
KNOWN = facts_of(FAILED)


@pytest.fixture
def note(django_capture_on_commit_callbacks):
    """`note(address, times=1)`, committed each time as in a request."""

    def note(address="203.0.113.7", *, times=1, **values):
        for _ in range(times):
            with django_capture_on_commit_callbacks(execute=True):
                values = {"personal": {"ip": address}, "facts": KNOWN} | values
                tallies.note(FAILED, address=address, **values)

    return note


@pytest.fixture
def close(django_capture_on_commit_callbacks):
    """Do what the recurring task does, and commit."""

    def close():
        with django_capture_on_commit_callbacks(execute=True):
            close_tallies()

    return close


@pytest.fixture(params=["cache", "cache away", "cache that swallows errors"])
def any_cache(request, monkeypatch):
    def fail(*args, **kwargs):
        raise ConnectionError("the cache is away")

    if request.param == "cache away":
        for name in ("incr", "get", "set", "delete", "touch"):
            monkeypatch.setattr(cache, name, fail, raising=False)
    if request.param == "cache that swallows errors":
        for name in ("incr", "get", "set", "delete", "touch"):
            monkeypatch.setattr(cache, name, lambda *args, **kwargs: None, raising=False)
    return request.param


def age():
    """Let ten minutes pass."""
    Tally.objects.update(until=timezone.now() - timedelta(seconds=1))


def counts():
    """The counts of the records, oldest first: None for the first of a window."""
    return [record.facts.get("more") for record in Record.objects.order_by("pk")]


def test_the_first_is_recorded_at_once_and_the_rest_after_ten_minutes(note, any_cache, close):
    note(times=40)
    assert counts() == [None]

    close()
    assert counts() == [None]  # Too early.

    age()
    close()
    assert counts() == [None, 39]
    assert not Tally.objects.exists()


def test_a_single_event_leaves_a_single_record(note, any_cache, close):
    note()
    age()
    close()

    assert counts() == [None]


def test_says_whether_it_made_a_record(any_cache, django_capture_on_commit_callbacks):
    told = []
    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            told.append(tallies.note(FAILED, address="203.0.113.7", facts=KNOWN))

    assert told == [True, False, False]


def test_says_how_many_were_closed(note):
    for address in ("203.0.113.7", "203.0.113.8"):
        note(address)
    age()

    assert (tallies.close_all(), tallies.close_all()) == (2, 0)


def test_each_window_has_its_own_two_records(note, any_cache, close):
    for times in (3, 2):
        note(times=times)
        age()
        close()

    assert counts() == [None, 2, None, 1]


def test_without_the_task_the_next_event_records_the_count(note, any_cache):
    note(times=5)
    age()
    cache.clear()  # The cache key has expired.
    note()

    assert len(counts()) == 3
    assert counts()[0] is None
    assert counts()[2] is None
    assert counts()[1] >= 2


def test_addresses_and_subjects_are_counted_apart(note, alice, bob):
    for address in ("203.0.113.7", "203.0.113.8"):
        for subject in (alice, bob, None):
            note(address, times=2, subject=subject)

    assert counts() == [None] * 6


def test_events_are_counted_apart(note):
    for event in (FAILED, Event.WEBHOOK_FORGED):
        assert tallies.note(event, address="203.0.113.7", facts=facts_of(event))
        assert not tallies.note(event, address="203.0.113.7")

    assert counts() == [None] * 2


def test_stories_are_counted_apart(note, alice, bob):
    for story in (alice.uuid, bob.uuid, None):
        note(times=2, subject=alice, story=story)

    assert counts() == [None] * 3


def test_a_whole_ipv6_network_is_one_address(note):
    for number in range(20):
        note(f"2001:db8:1:2::{number}")
    note("2001:db8:1:3::1")

    assert counts() == [None, None]


def test_an_address_that_cannot_be_read_is_counted_as_it_is(note):
    for address in ("", "unix:", "unix:"):
        note(address)

    assert counts() == [None] * 2


def test_a_flood_costs_the_database_next_to_nothing(note):
    note()
    with CaptureQueriesContext(connection) as queries:
        note(times=300)

    assert len(queries) <= 10  # Whenever the count has doubled.
    assert Tally.objects.get().more == 256


def test_after_an_emptied_cache_the_cache_counts_again(note):
    note()
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        note(times=300)

    assert len(queries) <= 20


def test_an_emptied_cache_loses_at_most_half_of_the_count(note, close):
    note(times=100)
    cache.clear()
    note(times=10)
    age()
    close()

    [_, more] = counts()
    assert 109 >= more >= 64 + 10


def test_a_count_of_a_tally_that_is_gone_does_not_hide_the_next_one(note):
    note(times=3)
    Tally.objects.all().delete()  # Closed while the cache was away; then the cache came back.
    note(times=4)

    assert len(counts()) == 2


def test_both_records_stand_in_the_story_and_can_be_proven(note, alice, close):
    story = alice.uuid
    note(times=2, subject=alice, story=story)
    age()
    close()

    first, second = Record.objects.order_by("pk")
    assert (second.story, second.event) == (story, FAILED)
    assert (second.subject_kind, second.subject_id) == ("user", alice.uuid)
    told = {"first": str(first.uuid), "story": str(story), "more": 1, "seconds": 600}
    assert second.facts == told
    for each in (first, second):
        assert bytes(each.leaf) == leaf_hash(record_bytes(each, actor=None))
    assert second.personal is None
    assert first.payload.data == {"ip": "203.0.113.7"}


def test_only_the_erasable_table_holds_the_address(note):
    note()

    assert "203.0.113.7" not in str(list(Tally.objects.values()))
    assert "203.0.113.7" not in str(list(Record.objects.values()))


def test_a_tally_that_cannot_be_closed_does_not_hold_up_others(note, monkeypatch, close):
    for address in ("203.0.113.7", "203.0.113.8"):
        note(address, times=2)
    age()
    record_more = tallies.record_more
    broken = Tally.objects.earliest("pk").record

    def fail_once(first, facts):
        if first == broken:
            raise RuntimeError("the log cannot be written")
        return record_more(first, facts)

    monkeypatch.setattr(tallies, "record_more", fail_once)
    close()
    assert counts() == [None, None, 1]

    monkeypatch.undo()
    close()
    assert counts() == [None, None, 1, 1]


def test_events_about_nothing_known_are_only_counted(caplog, django_assert_num_queries, close):
    with django_assert_num_queries(0):
        for _ in range(7):
            tallies.count_nameless(Event.WEBHOOK_FORGED)

    for expected in (1, 1):  # Logged once.
        with caplog.at_level(logging.WARNING):
            close()
        assert sum("7 more" in message for message in caplog.messages) == expected
    assert not Record.objects.exists()


def test_a_record_that_cannot_be_written_leaves_no_tally(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the log cannot be written")

    monkeypatch.setattr(tallies, "record", fail)
    with pytest.raises(RuntimeError):
        tallies.note(FAILED, address="203.0.113.7", facts=KNOWN)

    assert not Tally.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_several_at_the_same_moment_are_one_record_and_none_is_lost(monkeypatch):
    monkeypatch.setattr(tallies, "_increment", lambda name: None)  # The cache is away.

    def note(number):
        try:
            return tallies.note(FAILED, address="203.0.113.7", facts=KNOWN)
        finally:
            connection.close()

    for _window in range(2):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(note, range(16))) == 1
        age()

    close_tallies()
    assert counts() == [None, 15, None, 15]
