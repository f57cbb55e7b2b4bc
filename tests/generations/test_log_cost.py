"""What a page of the log costs is what it shows: a range of an index, whatever is stored."""

from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import audit
from accounts.audit.searching import Asked
from accounts.events import Event
from accounts.models import Record, RecordTeam, Team
from generations.reading import log
from tests.bench.scale import lists
from tests.factories import make_user
from tests.queries import plans_of

pytestmark = pytest.mark.django_db

ROWS = 1_000
RARE, COMMON = str(Event.ORIGINAL_DOWNLOADED), str(Event.GENERATION_SUCCEEDED)


def plans(act) -> list[str]:
    """How the database reads the table of who may see what, for each such query of `act`."""
    return plans_of(act, RecordTeam._meta.db_table)


@pytest.fixture
def filled(db):
    """A studio with enough records for a planner to choose between indexes."""
    lists.fill(ROWS, with_records=True)


def nine_tenths_down(team):
    """The cursor of a page below nine tenths of the records that a team sees."""
    rows = RecordTeam.objects.filter(team=team).order_by("record_id")
    return str(rows[rows.count() // 10].record.uuid)


def asked_of(name, index):
    """What is asked, beside the index that must answer it."""
    team = Team.objects.get(name=name)
    person = team.members.order_by("pk")[4].pk
    return {
        "recordteam_newest": {},
        "recordteam_by_event": {"event": COMMON},
        "recordteam_by_actor": {"person": person},
        "recordteam_by_both": {"person": person, "event": RARE},
    }[index]


INDEXES = (
    "recordteam_newest",
    "recordteam_by_event",
    "recordteam_by_actor",
    "recordteam_by_both",
)
OF_EVERY_TEAM = ("recordteam_of_every_team", "recordteam_of_every_by_event")


def test_each_filter_is_a_range_of_its_index_at_any_depth(filled):
    reader = Team.objects.get(name="Large").members.order_by("pk")[0]
    for index in INDEXES:
        asked = asked_of("Large", index)
        for cursor in ("", nine_tenths_down(reader.team)):
            own, *shared = plans(
                partial(log.page, reader, Asked(**asked, steps=True), cursor=cursor)
            )
            assert index in own
            assert len(shared) == ("person" not in asked)
            for plan in (own, *shared):
                assert_ordered_by_an_index(plan)


@pytest.mark.parametrize("name", ["Small", "New"])
def test_a_team_with_hardly_a_record_reads_no_further(filled, name):
    reader = Team.objects.get(name=name).members.order_by("pk")[0]
    for index in INDEXES:
        for plan in plans(partial(log.page, reader, Asked(**asked_of(name, index), steps=True))):
            assert_ordered_by_an_index(plan)


WHOLE_LOG = {
    "recordteam_newest": "record_newest",
    "recordteam_by_event": "record_by_event",
    "recordteam_by_actor": "record_by_actor",
    "recordteam_by_both": "record_by_actor_and_event",
}


def test_who_reads_the_whole_log_reads_no_further_either(filled):
    reader = make_user(team=Team.objects.get(name="New"), is_superuser=True)
    for index in INDEXES:
        page = partial(log.page, reader, Asked(**asked_of("Large", index), steps=True))
        plan, *_outcomes = plans_of(page, Record._meta.db_table)
        assert WHOLE_LOG[index] in plan
        assert_in_order(plan)


def test_a_record_is_looked_up_without_those_that_every_team_sees(filled):
    reader = Team.objects.get(name="Large").members.order_by("pk")[0]
    newest = Record.objects.order_by("-pk").values_list("pk", flat=True)[:64]
    found = audit.visible_to(reader).filter(pk__in=list(newest))
    [plan] = plans_of(lambda: list(found), Record._meta.db_table)
    assert "record_id" in plan  # the condition by which the teams are looked up
    assert not [index for index in (*OF_EVERY_TEAM, "every_team_once") if index in plan]


def assert_ordered_by_an_index(plan):
    assert any(index in plan for index in (*INDEXES, *OF_EVERY_TEAM)), plan
    assert_in_order(plan)


def assert_in_order(plan):
    assert "TEMP B-TREE" not in plan, plan
    assert "Sort" not in plan, plan


def test_a_page_needs_the_same_queries_for_every_team_at_any_depth(filled, client):
    numbers = set()
    for name in ("Large", "Others"):
        reader = Team.objects.get(name=name).members.order_by("pk")[0]
        client.force_login(reader)
        for cursor in ("", nine_tenths_down(reader.team)):
            path = f"{reverse('log')}?before={cursor}&event={COMMON}"
            client.get(path)
            with CaptureQueriesContext(connection) as asked:
                client.get(path)
            counts = [query for query in asked if "COUNT(" in query["sql"]]
            assert not [query for query in counts if "accounts_record" in query["sql"]]
            numbers.add(len(asked) - bool(cursor))  # the one that looks the cursor up
    assert len(numbers) == 1
