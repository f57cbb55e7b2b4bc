"""The page of a person's credits: a line for each run, and what changed the limit."""

import datetime as dt
import uuid
from functools import partial
from http import HTTPStatus

import pytest
from django.db import transaction
from django.urls import reverse

from accounts import ledger
from accounts.groups import REVIEWERS
from accounts.models import Allowance, Entry
from generations.models import Generation
from generations.paths import image_path
from generations.reading import credits
from generations.states import Status
from tests.factories import make_team, make_user
from tests.generations.factories import make_finished_run, make_generation, make_run
from tests.queries import plans_of, queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(credits, "RUNS_A_PAGE", 3)


def reserve(user, generation, amount=2):
    with transaction.atomic():
        ledger.reserve(user, {generation.uuid: amount}, price=uuid.UUID(int=1))


def open_month(user, year):
    """A month long ago, with one entry."""
    opened = Allowance.objects.create(
        user=user, month=dt.date(year, 1, 1), limit=1, origin=Allowance.Origin.SITE
    )
    Entry.objects.create(allowance=opened, kind=Entry.Kind.LIMIT, amount=1)


def lines_of(user):
    return credits.page(user).lines


def figures(line):
    return line.reserved, line.spent, line.released


class TestRuns:
    def test_a_run_has_one_line_with_prompt_picture_and_link(self, sign_in, alice):
        run = make_finished_run(alice, images=2, prompt="a <b>red</b> fox")
        [generation] = run.generations.all()
        reserve(alice, generation, 8)
        ledger.settle(generation.uuid, 6)

        page = sign_in(alice).get(reverse("credits")).content.decode()

        [line] = lines_of(alice)
        assert figures(line) == (8, 6, 2)
        assert (line.delivered, line.wanted) == (2, 2)
        assert line.link == image_path(run.images.first().uuid)
        assert line.picture.src in page
        assert "a &lt;b&gt;red&lt;/b&gt; fox" in page

    def test_credits_that_came_back_say_why(self, alice):
        run = make_run(alice)
        failed = make_generation(run, Status.FAILED, error_code="content_policy")
        reserve(alice, failed)
        ledger.settle(failed.uuid, 0)

        [line] = lines_of(alice)

        assert figures(line) == (2, 0, 2)
        assert "safety check" in line.why

    @pytest.mark.parametrize(
        ("status", "why"),
        [(Status.QUEUED, "Being made"), (Status.UNKNOWN, "has not said"),
         (Status.CANCELLED, "cancelled")],
    )  # fmt: skip
    def test_so_do_credits_that_are_reserved(self, alice, status, why):
        reserve(alice, make_generation(make_run(alice), status))
        [line] = lines_of(alice)
        assert why in line.why

    def test_a_team_with_a_cap_counts_nothing_twice(self, alice):
        alice.team.quota = 100
        alice.team.save()
        reserve(alice, make_generation(make_run(alice)))
        [line] = lines_of(alice)
        assert line.reserved == 2

    def test_an_erased_prompt_stays_erased(self, alice):
        run = make_run(alice, prompt="[erased]", erased_at=dt.datetime.now(dt.UTC))
        assert run.prompt not in lines_of(alice)[0].title

    def test_who_may_see_no_images_sees_neither_prompt_nor_picture(self, sign_in, team):
        nobody = make_user(team=team, groups=[])
        make_finished_run(nobody, prompt="a red fox")
        page = sign_in(nobody).get(reverse("credits")).content.decode()
        assert "a red fox" not in page
        assert "<img" not in page.partition("<main")[2]

    def test_a_run_of_a_former_team_has_no_link(self, alice):
        make_finished_run(alice)
        alice.team = make_team()
        alice.save()
        assert lines_of(alice)[0].link == ""

    def test_without_an_image_a_reader_of_the_log_gets_to_the_story(self, team):
        reader = make_user(team=team, groups=["members", REVIEWERS])
        run = make_run(reader)
        assert lines_of(reader)[0].link == reverse("story", args=[run.uuid])

    def test_nobody_sees_the_runs_of_others(self, alice, bob):
        make_run(alice)
        assert lines_of(bob) == []

    def test_pages_miss_and_repeat_nothing(self, sign_in, alice, small_pages):
        runs = [make_run(alice, prompt=f"number {number}") for number in range(7)]
        client, seen, cursor = sign_in(alice), [], ""
        while not seen or cursor:
            page = client.get(reverse("credits"), {"before": cursor}).context["page"]
            seen += [line.title for line in page.lines]
            cursor = page.next_cursor
        assert seen == [run.prompt for run in reversed(runs)]

    @pytest.mark.parametrize("cursor", ["x", "1", "9" * 30, "١", "\0", str(uuid.UUID(int=5))])
    def test_a_made_up_cursor_shows_the_first_page(self, sign_in, alice, cursor):
        make_run(alice)
        response = sign_in(alice).get(reverse("credits"), {"before": cursor})
        assert response.status_code == HTTPStatus.OK
        assert len(response.context["page"].lines) == 1

    def test_more_runs_need_no_more_queries(self, sign_in, alice):
        client = sign_in(alice)
        for _ in range(2):
            make_finished_run(alice)
        for_two = queries_of(lambda: client.get(reverse("credits")))
        for _ in range(18):
            make_finished_run(alice)
        assert queries_of(lambda: client.get(reverse("credits"))) == for_two

    def test_entries_are_found_by_generation(self, alice):
        run = make_finished_run(alice)
        found = list(Generation.objects.filter(run=run))
        [plan] = plans_of(partial(credits._amounts, found, alice), Entry._meta.db_table)
        assert "SCAN accounts_entry" not in plan
        assert "Seq Scan on accounts_entry" not in plan


class TestChanges:
    def test_they_are_the_newest_of_twelve_months(self, alice):
        for year in range(1990, 2010):
            open_month(alice, year)
        ledger.top_up(alice, 5, actor=None, reason="<b>spring</b>")
        found = credits.changes(alice)
        assert (found[0].amount, found[0].reason) == (5, "<b>spring</b>")
        assert len({entry.allowance_id for entry in found}) == 12

    def test_reservations_are_none(self, alice):
        reserve(alice, make_generation(make_run(alice)))
        assert [entry.kind for entry in credits.changes(alice)] == [Entry.Kind.LIMIT]

    def test_their_cost_does_not_grow_with_the_runs(self, alice):
        ledger.top_up(alice, 5, actor=None, reason="")
        *_, plan = plans_of(partial(credits.changes, alice), Entry._meta.db_table)
        assert "entry_of_no_generation" in plan

    def test_a_reason_is_shown_as_text(self, sign_in, alice, admin):
        ledger.top_up(alice, 5, actor=admin, reason="<b>spring</b> campaign")
        page = sign_in(alice).get(reverse("credits")).content.decode()
        assert "&lt;b&gt;spring&lt;/b&gt; campaign" in page
        assert "Ada Admin" in page


def test_the_month_is_shown_with_its_origin_and_renewal(sign_in, alice):
    alice.quota = 80
    alice.save()
    page = sign_in(alice).get(reverse("credits")).content.decode()
    assert "own quota" in page
    assert f'datetime="{ledger.balance(alice).renews_on:%Y-%m-%d}"' in page
    assert "of 80" in page


@pytest.mark.parametrize(("groups", "says"), [(["members"], "Make images"), ([], "ask an admin")])
def test_an_empty_page_says_what_to_do(sign_in, team, groups, says):
    page = sign_in(make_user(team=team, groups=groups)).get(reverse("credits")).content.decode()
    assert says in page
