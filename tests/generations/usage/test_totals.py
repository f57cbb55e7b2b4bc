"""The totals of each day are what the generations, images and entries of that day add up to, and
those of each month what its days add up to."""

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations import downloads, usage
from generations.jobs import lifecycle
from generations.jobs.worker import work_here
from generations.models import Generation, Image, UsageDay, WaitDay
from generations.states import Status
from generations.usage import rebuilding
from generations.usage.totals import TABLES, month_of
from tests.factories import make_team, make_user
from tests.generations.asking import ask
from tests.generations.factories import make_finished_run
from tests.generations.jobs.test_lifecycle import running, storing

CREDITS = 2  # for an image of the demo engine

pytestmark = pytest.mark.django_db


@pytest.fixture
def today(alice):
    return timezone.now().astimezone(alice.team.tzinfo).date()


def total(**filters):
    return UsageDay.objects.get(**filters)


def differing(day):
    return rebuilding.differences(day) + rebuilding.differences_of_month(month_of(day))


@pytest.mark.django_db(transaction=True)
def test_a_finished_run_is_counted_with_its_images_credits_and_wait(alice, settings, today):
    settings.PROVIDER_TIME_SCALE = 0.01
    run = ask(alice, num_images=2, campaign="Spring")
    work_here(lambda: not type(run).objects.filter(status="pending").exists())

    found = total(user=alice)
    assert (found.day, found.team, found.campaign.name) == (today, alice.team, "Spring")
    assert (found.images, found.spent, found.released) == (2, 2 * CREDITS, 0)
    assert found.succeeded == run.generations.count()
    assert sum(WaitDay.objects.values_list("count", flat=True)) == found.succeeded
    assert differing(today) == 0


def test_a_failure_releases_and_a_cancelled_request_is_counted_apart(alice, today):
    failed, cancelled = ask(alice).generations.all(), ask(alice, prompt="b").generations.all()
    for generation in failed:
        lifecycle.move(running(generation), Status.FAILED)
    for generation in cancelled:
        lifecycle.move(generation, Status.CANCELLED)

    found = total(user=alice)
    assert (found.failed, found.cancelled) == (len(failed), len(cancelled))
    assert (found.spent, found.released) == (0, 2 * 4 * CREDITS)
    assert differing(today) == 0


def test_images_that_come_late_take_the_failure_back(alice, today):
    [generation] = ask(alice, num_images=1).generations.all()
    until = timezone.now() + dt.timedelta(hours=1)
    lifecycle.move(running(generation), Status.FAILED, changes={"may_arrive_until": until})
    lifecycle.move(generation, Status.STORING, changes={"cost_usd": Decimal("0.04")})
    lifecycle.move(generation, Status.SUCCEEDED)

    found = total(user=alice)
    assert (found.failed, found.succeeded, found.spent) == (0, 1, 0)
    assert found.cost_usd == Decimal("0.04")
    assert not WaitDay.objects.exists()
    assert differing(today) == 0


def test_an_image_counts_as_downloaded_once(alice, today):
    image = make_finished_run(alice, files=True).images.get()
    for _ in range(2):
        downloads.labelled(image, actor=alice)

    assert total(user=alice).downloaded == 1


def test_a_zip_counts_each_of_its_images_once(alice, today):
    images = list(make_finished_run(alice, images=3).images.all())
    usage.downloaded([images[0].pk])
    usage.downloaded([image.pk for image in images])

    assert total(user=alice).downloaded == 3


def test_totals_are_locked_table_by_table_and_in_each_by_key(alice, bob):
    runs = [make_finished_run(person, images=2) for person in (alice, bob, alice)]
    images = [image.pk for run in runs for image in run.images.all()]

    def locked(keys):
        Image.objects.update(downloaded_at=None)
        with CaptureQueriesContext(connection) as asked:
            usage.downloaded(keys)
        written = [
            query["sql"]
            for query in asked
            if re.match(r"UPDATE .(generations_(usageday|personmonth|workmonth))", query["sql"])
        ]
        return [re.sub(r".downloaded. = .*? WHERE", "", sql) for sql in written]

    locked(images)  # the rows exist from now on
    order = locked(images)
    assert order == locked(images[::-1])
    tables = [
        model._meta.db_table for model in TABLES for sql in order if model._meta.db_table in sql
    ]
    assert [sql.split('"')[1] for sql in order] == tables
    assert len(set(order)) == len(order)


@pytest.mark.django_db(transaction=True)
def test_of_several_who_download_at_once_each_image_is_counted_once(alice, bob, today):
    runs = [make_finished_run(person, images=6) for person in (alice, bob)]
    images = [image.pk for run in runs for image in run.images.all()]

    def download(number):
        try:
            usage.downloaded([*images[number::2], *images[::-1]][: 6 + number])
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(download, range(6)))

    assert sum(UsageDay.objects.values_list("downloaded", flat=True)) == len(images)
    assert rebuilding.differences_of_month(month_of(today)) == 0


def test_the_day_is_that_of_the_reservation_in_the_time_zone_of_the_team(monkeypatch):
    anna = make_user(team=make_team(time_zone="Pacific/Kiritimati"))
    evening = dt.datetime(2026, 11, 30, 20, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: evening)
    [generation] = ask(anna, num_images=1).generations.all()
    monkeypatch.setattr(timezone, "now", lambda: evening + dt.timedelta(days=3))
    lifecycle.move(storing(generation, 1), Status.SUCCEEDED)

    assert total(user=anna).day == dt.date(2026, 12, 1)


class TestProof:
    @pytest.fixture(autouse=True)
    def run(self, alice):
        for generation in ask(alice).generations.all():
            lifecycle.move(running(generation), Status.FAILED)

    @pytest.mark.parametrize("column", rebuilding.SUMMED)
    def test_a_total_that_was_changed_is_found_and_mended(self, column, capsys):
        UsageDay.objects.update(**{column: 77})

        with pytest.raises(CommandError) as refusal:
            call_command("usage_rebuild", "--check")
        assert refusal.value.returncode == 1
        assert UsageDay.objects.filter(**{column: 77}).exists()

        call_command("usage_rebuild")
        call_command("usage_rebuild", "--check")

    @pytest.mark.parametrize("model", rebuilding.MONTHS)
    def test_a_month_that_was_changed_is_found_and_mended(self, model, today, capsys):
        model.objects.update(failed=77)
        other = model.objects.get()
        other.pk, other.month = None, month_of(month_of(today) - dt.timedelta(days=1))
        other.save()

        with pytest.raises(CommandError, match="2 days and months"):
            call_command("usage_rebuild", "--check")
        assert f"{today:%Y-%m}: 1 totals differ" in capsys.readouterr().out

        call_command("usage_rebuild")
        call_command("usage_rebuild", "--check")

    def test_a_total_of_nothing_is_found(self, alice, today):
        UsageDay.objects.create(
            day=today, team=alice.team, user=alice, engine="none", format="1:1", images=1
        )
        assert rebuilding.differences(today) == 1

    def test_a_lost_wait_is_found(self, alice, today):
        WaitDay.objects.create(day=today, team=alice.team, step=3, count=1)
        assert rebuilding.differences(today) == 1

    def test_rows_of_an_older_version_get_their_day_and_are_counted(self, today):
        Generation.objects.update(day=None)
        for model in TABLES:
            model.objects.all().delete()

        assert rebuilding.complete(seconds=60)
        assert differing(today) == 0
        assert total().failed == Generation.objects.count()
