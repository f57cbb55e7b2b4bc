"""Pages by key: complete, without repeats, and without gaps when rows are added."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import keyset
from generations.models import Run
from tests.generations.factories import make_run

pytestmark = pytest.mark.django_db


def page(cursor="", size=2, anchors=None):
    anchors = Run.objects.all() if anchors is None else anchors
    return keyset.page(Run.objects.all(), cursor=cursor, anchors=anchors, size=size)


def walk(size):
    cursor, seen = "", []
    while True:
        found = page(cursor, size)
        seen += found.rows
        cursor = found.next_cursor
        if not cursor:
            return seen


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_all_pages_together_are_all_rows_once_newest_first(alice, size):
    runs = [make_run(alice) for _ in range(5)]
    assert walk(size) == runs[::-1]


def test_rows_of_the_same_moment_are_told_apart_by_their_key(alice):
    runs = [make_run(alice) for _ in range(4)]
    Run.objects.update(created_at=timezone.now())
    assert walk(2) == runs[::-1]


def test_a_new_row_moves_no_later_page(alice):
    runs = [make_run(alice) for _ in range(4)]
    first = page()
    make_run(alice)
    assert page(first.next_cursor).rows == [runs[1], runs[0]]


@pytest.mark.parametrize("cursor", ["", "x", "\0", "0" * 32, "1 OR 1=1", "é" * 200])
def test_a_cursor_that_names_nothing_leads_to_the_first_page(alice, cursor):
    newest = [make_run(alice) for _ in range(2)][-1]
    assert page(cursor, size=1).rows == [newest]


def test_a_row_that_the_reader_may_not_see_is_no_cursor(alice, charlie):
    newest = make_run(alice)
    secret = make_run(charlie)
    Run.objects.filter(pk=secret.pk).update(created_at=timezone.now() - timedelta(days=1))
    mine = Run.objects.visible_to(alice)
    assert keyset.page(mine, cursor=str(secret.uuid), anchors=mine, size=5).rows == [newest]


def test_a_page_in_the_depth_is_a_range_of_the_index(alice):
    anchor = make_run(alice)
    place = keyset.place_of(Run.objects.all(), str(anchor.uuid))
    rows = keyset.older(Run.objects.filter(team_id=alice.team_id), place)
    rows = rows.order_by("-created_at", "-id")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # With few rows any plan is as cheap: rule out what many rows would rule out.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    plan = rows.explain()
    assert "run_newest_of_team" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_older_and_not_older_together_are_all_rows(alice):
    runs = [make_run(alice) for _ in range(4)]
    place = keyset.place_of(Run.objects.all(), str(runs[1].uuid))
    rest = set(keyset.older(Run.objects.all(), place))
    assert set(keyset.not_older(Run.objects.all(), place)) == set(runs) - rest
    assert rest == {runs[0]}
