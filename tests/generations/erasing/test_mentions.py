"""What others typed to find a person, or to sign in as them, is erased with the person."""

from importlib import import_module

import pytest
from django.apps import apps
from django.urls import reverse

from accounts import audit
from accounts.audit import readings
from accounts.events import Event
from accounts.models import IndexedRecord, Record, SavedSearch
from generations import holds, saved_searches
from generations.erasing import asking, mentions, targets
from generations.reading.log.noting import note_reading
from tests.generations.erasing.orders import erase
from tests.queries import queries_of
from tests.records import said, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def gone(alice, monkeypatch, admin):
    """`gone()` erases Alice Adams, whose account has ended."""
    alice.is_active = False
    alice.save()
    return lambda: erase(monkeypatch, admin, "person", alice)


def searched(reader, **asked):
    note_reading(reader, given=asked, listed=0)
    return Record.objects.filter(actor=reader, event=Event.LOG_SEARCHED).latest("pk")


def text_of(record):
    return Record.objects.get(pk=record.pk).payload.data


@pytest.mark.parametrize(
    ("asked", "is_erased"),
    [
        ({"q": "alice adams at dawn"}, True),
        ({"q": "ADAMS, Alice"}, True),
        ({"person": "alice@example.com"}, True),
        ({"q": "mail of alice@example.com"}, True),
        ({"q": "adams"}, False),
        ({"q": "alice in wonderland"}, False),
        ({"q": "red fox", "person": "bob@example.com"}, False),
    ],
)
def test_searches_of_the_log_that_hold_the_name_or_the_address_are_emptied(
    reviewer, gone, asked, is_erased
):
    record = searched(reviewer, **asked)
    gone()
    assert text_of(record) == (None if is_erased else {"asked": asked})
    erased = Record.objects.filter(event=Event.PERSONAL_ERASED, facts__records=[str(record.uuid)])
    assert erased.exists() == is_erased


def test_searches_of_the_gallery_and_filters_of_exports_too(bob, gone):
    readings.note_gallery_searched(bob, {"query": "Alice Adams"})
    searched_for = Record.objects.get(event=Event.GALLERY_SEARCHED)
    facts = {"kind": "log", "format": "csv", "filtered": True}
    filters = {"person": "alice@example.com"}
    asked = write(
        Event.EXPORT_ASKED, actor=bob, subject=bob, facts=facts, personal={"filters": filters}
    )
    gone()
    assert (text_of(searched_for), text_of(asked)) == (None, None)


def test_so_are_searches_for_an_earlier_name_and_address(alice, reviewer, admin, gone):
    before = {"name": "Alice Archer", "email": "archer@example.com"}
    after = {"name": "Alice Adams", "email": "alice@example.com"}
    write(
        Event.USER_CHANGED, actor=admin, subject=alice, personal={"before": before, "after": after}
    )
    records = [searched(reviewer, q=text) for text in before.values()]
    gone()
    assert [text_of(each) for each in records] == [None, None]


def test_saved_searches_of_others_are_deleted_on_record(alice, bob, reviewer, gone):
    saved_searches.save(reviewer, "Hers", {"person": str(alice.uuid)})
    saved_searches.save(reviewer, "By name", {"q": "alice adams"})
    saved_searches.save(reviewer, "Foxes", {"q": "fox", "person": str(bob.uuid)})
    saved_searches.save(reviewer, "Reused", {"q": "alice adams"})
    saved_searches.save(reviewer, "Reused", {"q": "wolf"})
    saved = list(Record.objects.filter(event=Event.LOG_SEARCH_SAVED).order_by("pk"))
    gone()
    kept = SavedSearch.objects.filter(user=reviewer).values_list("name", flat=True)
    assert list(kept) == ["Foxes", "Reused"]
    assert [text_of(each) is None for each in saved] == [True, True, False, True, False]
    erased = Record.objects.filter(event=Event.LOG_SEARCH_ERASED)
    assert [each.subject_id for each in erased] == [reviewer.uuid] * 2


def test_a_search_with_the_person_as_its_only_filter_keeps_its_record(alice, reviewer, gone):
    record = searched(reviewer, person=str(alice.uuid))
    gone()
    assert text_of(record)["asked"] == {"person": str(alice.uuid)}


def test_what_a_held_person_searched_for_stays(reviewer, admin, gone):
    saved_searches.save(reviewer, "By name", {"q": "alice adams"})
    record = searched(reviewer, q="alice adams")
    holds.place("person", reviewer, reason="a dispute", actor=admin)
    gone()
    assert said(record) == {"asked": {"q": "alice adams"}}
    assert SavedSearch.objects.filter(user=reviewer).exists()


def test_failed_sign_ins_with_the_address_are_emptied_and_others_stay(alice, gone):
    typed = ("alice@example.com", "Alice@Example.com", "malice@example.com", "x.alice@example.com")
    facts = {"person": None}
    records = [
        write(
            Event.USER_SIGN_IN_FAILED,
            actor=None,
            subject=alice.team,
            facts=facts,
            personal={"email": address},
        )
        for address in typed
    ]
    gone()
    assert [text_of(each) is None for each in records] == [True, True, False, False]


def test_what_was_recorded_before_searches_were_indexed_is_found_after_the_migration(
    reviewer, gone
):
    record = searched(reviewer, q="alice adams")
    migration = import_module("generations.migrations.0021_index_old_searches")
    audit.index.forget([record])
    migration.index_old_searches(apps, None)
    gone()
    assert text_of(record) is None
    assert IndexedRecord.objects.filter(pk=record.pk).exists()


def test_the_log_finds_no_search_by_its_words(reviewer, sign_in):
    searched(reviewer, q="peryton")
    page = sign_in(reviewer).get(reverse("log"), {"q": "peryton", "steps": "1"})
    assert "Nothing found" in page.content.decode()


def test_the_preview_counts_them(alice, reviewer, gone):
    for _ in range(3):
        searched(reviewer, q="alice adams")
    numbers = dict(asking.preview(targets.target_of("person", alice.uuid, pictures=True)).numbers)
    assert numbers["Searches for the person, and failed sign-ins"] == "3"


def test_to_find_them_takes_no_more_queries_with_other_records(alice, reviewer):
    def find():
        return list(mentions.found(mentions.known(alice)))

    searched(reviewer, q="alice adams")
    before = queries_of(find)
    for number in range(9):
        searched(reviewer, q=f"fox {number}")
    assert queries_of(find) == before
