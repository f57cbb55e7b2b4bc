"""What teams use, as a page and as tables."""

import datetime as dt
import io
import math
import random
import re
import zipfile
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import credit_requests, ledger
from accounts.events import Event
from accounts.models import Allowance, Record, Team
from generations.models import Campaign, PersonMonth, UsageDay, WaitDay, WorkMonth
from generations.reading.usage import Period, Scope, period_asked, usage_page
from generations.reading.usage.figures import Sums, change, summed
from generations.reading.usage.period import presets
from generations.usage import rebuilding
from generations.usage.totals import STEP, SUMMED, month_of
from tests.factories import make_team, make_user

TODAY = dt.date(2026, 11, 22)


@pytest.fixture
def clock(monkeypatch):
    return lambda now: monkeypatch.setattr(timezone, "now", lambda: now)


def use(user, day=TODAY, **values):
    given = {"engine": "demo/seedream-4-5", "format": "3:2", "team": user.team} | values
    UsageDay.objects.create(user=user, day=day, **given)
    rebuilding.rebuild_month(month_of(day))


def rounded(sums):
    """SQLite adds decimals up as floats."""
    return {key: each._replace(cost_usd=round(each.cost_usd, 5)) for key, each in sums.items()}


class TestPeriod:
    @pytest.mark.parametrize(
        ("given", "first", "last"),
        [
            ({}, "2026-11-01", "2026-11-30"),
            ({"from": "2026-02-10"}, "2026-02-01", "2026-02-28"),
            ({"to": "2024-02-10"}, "2024-02-01", "2024-02-29"),
            ({"from": "2026-11-03", "to": "2026-11-05"}, "2026-11-03", "2026-11-05"),
        ],
    )
    def test_is_what_the_address_names_or_a_month(self, given, first, last):
        period, problem = period_asked(given, TODAY)
        assert (period.first.isoformat(), period.last.isoformat(), problem) == (first, last, "")

    @pytest.mark.parametrize(
        "given",
        [
            {"from": "yesterday"},
            {"from": "2026-11-05", "to": "2026-11-03"},
            {"from": "2020-01-01", "to": "2026-01-01"},
            {"from": "0001-01-01"},
            {"to": "9999-12-31"},
        ],
    )
    def test_that_makes_no_sense_is_explained_and_this_month_shown(self, given):
        period, problem = period_asked(given, TODAY)
        assert period == period_asked({}, TODAY)[0]
        assert problem.endswith("This month is shown.")

    def test_is_compared_with_the_month_before_or_as_many_days(self):
        march, _ = period_asked({"from": "2026-03-31"}, TODAY)
        days, _ = period_asked({"from": "2026-03-03", "to": "2026-03-05"}, TODAY)
        year, _ = period_asked({"from": "2025-12-01", "to": "2026-11-30"}, TODAY)
        assert (march.before.first, march.before.days) == (dt.date(2026, 2, 1), 28)
        assert (days.before.first, days.before.days) == (dt.date(2026, 2, 28), 3)
        assert (year.before.first, year.before.days) == (dt.date(2024, 12, 1), 365)

    def test_of_twelve_months_begins_and_ends_with_a_month(self):
        [_name, year] = presets(TODAY)[-1]
        assert year == Period(dt.date(2025, 12, 1), dt.date(2026, 11, 30)) == year.whole_months


def test_what_a_downloaded_image_costs_includes_those_that_nobody_wanted():
    sums = Sums(images=10, downloaded=4, cost_usd=Decimal("0.40"), spent=40)
    assert sums.usd_each == Decimal("0.04")
    assert sums.usd_each_downloaded == Decimal("0.1")
    assert (sums.never_downloaded, sums.kept) == (6, 0.4)


def test_nothing_is_divided_by_nothing():
    empty = Sums()
    assert (empty.usd_each, empty.usd_each_downloaded, empty.success, empty.kept) == (None,) * 4
    assert change(3, 0) is None


@pytest.mark.django_db
class TestPage:
    def test_adds_up_a_period_by_engine_person_campaign_and_format(self, alice):
        spring = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
        use(alice, spent=8, images=2, campaign=spring)
        use(alice, spent=4, images=1, format="custom")
        use(alice, dt.date(2026, 10, 5), spent=6, images=3)

        page = usage_page(alice, {"from": "2026-11-01"})

        assert (page.now.spent, page.now.images) == (12, 3)
        assert (page.spent_change, page.images_change) == (1.0, 0.0)
        lines = {name: [(g.name, g.sums.spent) for g in found] for name, _, found in page.tables}
        assert lines["campaign"] == [("Spring", 8), ("No campaign", 4)]
        assert lines["format"] == [("3:2", 8), ("Own size", 4)]
        assert lines["person"] == [("Alice Adams", 12)]

    def test_people_lead_to_their_page_in_the_admin_for_those_who_may_open_it(self, alice, admin):
        use(alice, spent=8)
        links = {
            reader: [g.link for name, _, found in page.tables for g in found if name == "person"]
            for reader in (alice, admin)
            for page in [usage_page(reader, {"from": "2026-11-01"})]
        }
        page = reverse("admin:accounts_user_change", args=[alice.pk])
        assert links == {alice: [""], admin: [page]}

    def test_team_leads_see_their_team_and_admins_all_or_one(self, alice):
        stranger = make_user(team=make_team(name="Other"))
        use(alice, spent=8)
        use(stranger, spent=100)
        admin = make_user(team=alice.team, is_superuser=True)
        given = {"from": "2026-11-01"}

        other = given | {"team": str(stranger.team.uuid)}
        assert usage_page(alice, other).now.spent == 8
        assert usage_page(admin, given).now.spent == 108
        assert usage_page(admin, other).now.spent == 100

    def test_the_chart_stacks_what_spent_most_and_adds_the_rest(self, alice):
        for number in range(7):
            use(alice, engine=f"some/engine-{number}", spent=10 - number)

        chart = usage_page(alice, {"from": "2026-11-22", "to": "2026-11-22"}).chart

        assert chart.names == (*(f"some/engine-{number}" for number in range(4)), "All others")
        [bar] = chart.bars
        assert bar.credits == (10, 9, 8, 7, 6 + 5 + 4)
        assert [line.split(": ")[-1] for line in bar.title.splitlines()[1:]] == [
            *("10", "9", "8", "7", "15")
        ]
        heights = [float(re.search(r"v([\d.]+)", area.path)[1]) for area in chart.areas]
        assert sum(heights) == pytest.approx(49 / 60 * 220, abs=1)

    def test_a_long_period_has_a_bar_for_each_month_and_for_its_part_of_one(self, alice):
        for month, day in ((1, 1), (1, 3), (2, 1), (2, 28), (11, 1), (11, 22), (11, 23)):
            use(alice, dt.date(2026, month, day), spent=5)

        chart = usage_page(alice, {"from": "2026-01-02", "to": "2026-11-22"}).chart

        assert [(bar.name, bar.total) for bar in chart.bars] == [
            ("2 Jan 2026 to 31 Jan 2026", 5),
            ("February 2026", 10),
            ("1 Nov 2026 to 22 Nov 2026", 10),
        ]

    def test_months_and_days_together_are_what_all_days_add_up_to(self, alice, bob):
        anyhow = random.Random(7)
        campaigns = [None, Campaign.objects.create(team=alice.team, name="A", created_by=alice)]
        for number in range(60):
            row = UsageDay(
                day=TODAY - dt.timedelta(days=anyhow.randrange(400)),
                team=alice.team,
                user=anyhow.choice([alice, bob]),
                campaign=anyhow.choice(campaigns),
                engine=anyhow.choice(["some/a", "some/b"]),
                format=f"{number}:1",  # once each
            )
            for column in SUMMED:
                setattr(row, column, Decimal(anyhow.randrange(10**6)).scaleb(-5) * 100)
            row.save()
        for month in rebuilding.months():
            rebuilding.rebuild_month(month)
        scope = Scope(alice.team, [])
        for _ in range(12):
            first = TODAY - dt.timedelta(days=anyhow.randrange(400))
            period = Period(first, first + dt.timedelta(days=anyhow.randrange(200)))
            for by, months in (("user_id", PersonMonth), ("engine", WorkMonth)):
                days = summed([scope.usage(period)], by)
                assert rounded(summed(scope.parts(period, months), by)) == rounded(days)

    def test_the_median_wait_is_right_within_a_tenth(self, alice):
        for seconds, count in ((2, 10), (9.4, 80), (31, 10)):
            step = int(math.log(seconds) / STEP)
            WaitDay.objects.create(day=TODAY, team=alice.team, step=step, count=count)

        waits = usage_page(alice, {"from": "2026-11-01"}).waits

        assert waits.median == pytest.approx(9.4, rel=0.1)
        assert waits.p95 == pytest.approx(31, rel=0.1)

    @pytest.mark.parametrize(
        ("used", "words"),
        [
            (0, "On track"),
            (60, "On track"),
            (80, "Runs out in 5 days"),
            (100, "Used up"),
        ],
    )
    def test_a_team_with_a_cap_has_a_forecast(self, alice, clock, used, words):
        Team.objects.filter(pk=alice.team_id).update(quota=100)
        clock(dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC))
        alice.refresh_from_db()
        cap = ledger.allowance_of(alice.team)
        Allowance.objects.filter(pk=cap.pk).update(spent=used)

        [line] = usage_page(alice, {}).teams

        assert (line.used, line.limit, line.people, line.forecast) == (used, 100, 1, words)

    def test_a_team_without_a_cap_shows_what_its_people_used(self, alice, bob):
        for person, spent in ((alice, 8), (bob, 4)):
            Allowance.objects.filter(pk=ledger.allowance_of(person).pk).update(spent=spent)
        [line] = usage_page(alice, {}).teams
        assert (line.used, line.limit, line.forecast) == (12, None, "")

    def test_an_admin_is_told_who_waits_for_credits(self, client, admin, alice):
        credit_requests.ask(alice, 5)
        queue = reverse("admin:accounts_creditrequest_changelist")
        client.force_login(admin)
        assert queue in client.get(reverse("usage")).content.decode()
        credit_requests.withdraw(alice)
        assert queue not in client.get(reverse("usage")).content.decode()

    @pytest.mark.parametrize("rows", [2, 40])
    def test_the_number_of_queries_does_not_grow(
        self, client, alice, rows, django_assert_num_queries
    ):
        alice.is_superuser = True
        alice.save()
        for number in range(rows):
            use(make_user(team=alice.team), engine=f"some/engine-{number}", spent=1)
        ledger.allowance_of(alice)  # opened once a month
        client.force_login(alice)
        with django_assert_num_queries(21):
            client.get(reverse("usage"), {"from": "2026-11-01"})


@pytest.mark.django_db
class TestTables:
    @pytest.fixture
    def admin(self, client):
        admin = make_user(is_superuser=True)
        client.force_login(admin)
        return admin

    def test_csv_has_a_line_for_each_total_and_no_formula(self, client, admin):
        admin.name = "=1+1"
        admin.save()
        use(admin, spent=8, cost_usd=Decimal("0.08"))

        answer = client.get("/usage.csv", {"from": "2026-11-01"})

        lines = b"".join(answer.streaming_content).decode().splitlines()
        assert len(lines) == 2
        assert '"\'=1+1"' in lines[1]
        assert '"8"' in lines[1]
        assert Record.objects.filter(event=Event.USAGE_EXPORTED).count() == 1

    def test_xlsx_holds_numbers_and_no_formula(self, client, admin):
        admin.name = "=1+1"
        admin.save()
        use(admin, spent=8)

        answer = client.get("/usage.xlsx", {"from": "2026-11-01"})

        book = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<v>8</v>" in sheet
        assert "<f>" not in sheet

    def test_a_period_that_makes_no_sense_gives_no_table(self, client, admin):
        answer = client.get("/usage.csv", {"from": "x"}, follow=True)
        assert "Write days as 2026-11-22" in answer.content.decode()
        assert not Record.objects.filter(event=Event.USAGE_EXPORTED).exists()
