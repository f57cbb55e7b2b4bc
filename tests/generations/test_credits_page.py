"""The page of a person's credits: a line for each run, and what changed the limit."""

import csv
import datetime as dt
import io
import uuid
from functools import partial
from http import HTTPStatus

import pytest
from django.db import transaction
from django.urls import reverse

from accounts import ledger
from accounts.events import Event
from accounts.groups import REVIEWERS
from accounts.ledger import Balance
from accounts.models import Allowance, Entry, Record
from generations.models import Generation, Run
from generations.paths import image_path
from generations.reading import credits
from generations.reading.usage import Period
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


class TestPeriod:
    def test_it_stands_in_the_address_and_chooses_the_runs(self, sign_in, alice):
        make_run(alice, prompt="a new fox")
        old = make_run(alice, prompt="an old crow")
        Run.objects.filter(pk=old.pk).update(created_at="2025-03-31T23:30Z")
        client = sign_in(alice)
        page = client.get(reverse("credits")).content.decode()
        assert "a new fox" in page
        assert "an old crow" not in page
        page = client.get(reverse("credits"), {"from": "2025-03-01", "to": "2025-03-31"})
        text = page.content.decode()
        assert "an old crow" in text
        assert "a new fox" not in text
        assert "credits.csv?from=2025-03-01&amp;to=2025-03-31" in text

    def test_days_are_those_of_the_team(self, alice):
        alice.team.time_zone = "Pacific/Kiritimati"  # UTC+14
        run = make_run(alice)
        Run.objects.filter(pk=run.pk).update(created_at="2025-03-31T10:30Z")
        march, april = (Period(dt.date(2025, m, 1), dt.date(2025, m, 30)) for m in (3, 4))
        assert credits.page(alice, period=march).lines == []
        assert len(credits.page(alice, period=april).lines) == 1

    def test_a_wrong_one_is_told(self, sign_in, alice):
        page = sign_in(alice).get(reverse("credits"), {"from": "x"}).content.decode()
        assert "Write days as" in page


class TestTable:
    def table(self, client, **query):
        response = client.get(reverse("credits-csv"), query)
        return list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"))))

    def test_it_has_a_row_for_each_run_and_no_formula(self, sign_in, alice, bob):
        run = make_finished_run(alice, images=2, prompt='=HYPERLINK("x")')
        reserve(alice, run.generations.get(), 8)
        ledger.settle(run.generations.get().uuid, 6)
        make_run(bob)
        heading, row = self.table(sign_in(alice))
        assert tuple(heading) == credits.HEADINGS
        assert row[1].startswith("'=")
        assert row[2:8] == [run.engine, "2", "2", "8", "6", "2"]

    def test_it_is_complete_and_on_the_record(self, sign_in, alice, monkeypatch):
        monkeypatch.setattr(credits, "ROWS_AT_A_TIME", 3)
        for number in range(7):
            make_run(alice, prompt=f"number {number}")
        rows = self.table(sign_in(alice))[1:]
        assert [row[1] for row in rows] == [f"number {number}" for number in reversed(range(7))]
        record = Record.objects.get(event=Event.CREDITS_EXPORTED)
        assert record.facts["from"].endswith("-01")

    def test_one_that_is_too_long_is_refused(self, sign_in, alice, monkeypatch):
        monkeypatch.setattr(credits, "MOST_ROWS", 2)
        for _ in range(3):
            make_run(alice)
        page = sign_in(alice).get(reverse("credits-csv"), follow=True).content.decode()
        assert "Choose a shorter period" in page
        assert not Record.objects.filter(event=Event.CREDITS_EXPORTED).exists()

    def test_a_wrong_period_leads_back(self, sign_in, alice):
        page = sign_in(alice).get(reverse("credits-csv"), {"from": "x"}, follow=True)
        assert "Write days as" in page.content.decode()


class TestForecast:
    """The month has 30 days, and the first use was on the 3rd."""

    def forecast(self, user, *, used, quota, day):
        user.quota = quota
        user.save()
        opened = Allowance.objects.create(
            user=user, month=dt.date(2026, 11, 1), limit=quota, spent=used, origin="user"
        )
        at = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
        if used:
            values = {"kind": Entry.Kind.RESERVE, "generation": uuid.uuid4(), "created_at": at}
            Entry.objects.create(allowance=opened, amount=used, **values)
        balance = Balance(
            limit_total=quota, spent=used, reserved=0, left=quota - used,
            renews_on=dt.date(2026, 12, 1), origin="", team_is_short=False,
        )  # fmt: skip
        return credits.forecast(user, balance, dt.date(2026, 11, day))

    @pytest.mark.parametrize(
        ("used", "quota", "day", "says"),
        [
            (20, 40, 12, "until 22 November"),  # 2 a day for 10 days
            (20, 1000, 12, "to the end of the month"),
            (20, 56, 12, "to the end of the month"),
            (20, 54, 12, "until 29 November"),
            (20, 40, 4, ""),  # two days say nothing
            (0, 40, 12, ""),
            (40, 40, 12, ""),  # nothing is left
        ],
    )
    def test_it_follows_the_pace_of_the_month(self, alice, used, quota, day, says):
        found = self.forecast(alice, used=used, quota=quota, day=day)
        assert (says in found) if says else found == ""

    def test_it_stands_on_the_page(self, sign_in, alice, monkeypatch):
        monkeypatch.setattr(credits, "DAYS_KNOWN", 1)
        reserve(alice, make_generation(make_run(alice)))
        assert "At this pace" in sign_in(alice).get(reverse("credits")).content.decode()

    def test_it_reads_one_entry(self, alice):
        reserve(alice, make_generation(make_run(alice)))
        month_end = ledger.balance(alice).renews_on - dt.timedelta(days=1)
        *_, plan = plans_of(partial(credits._first_use, alice, month_end), Entry._meta.db_table)
        assert "entry_by_allowance" in plan


def test_the_meter_says_its_numbers(sign_in, alice):
    alice.quota = 80
    alice.save()
    reserve(alice, make_generation(make_run(alice)), 30)
    page = sign_in(alice).get(reverse("credits")).content.decode()
    assert 'aria-label="0 used, 30 reserved and 50 left, of 80 credits"' in page
