"""The page on the studio itself: who sees it, and what it says of each part."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from generations import readiness
from generations.models import Worker
from generations.readiness import CHECKS, Finding, backlog, signs
from generations.reading import studio_status
from generations.reading.studio_status import duration
from generations.states import Status
from tests.generations.factories import make_generation, make_run
from tests.queries import queries_of

pytestmark = pytest.mark.django_db

URL = "studio-status"


@pytest.fixture(autouse=True)
def checks(monkeypatch):
    """The results of the checks: every part works, except for the broker."""
    found = {name: Finding(True, "Well.") for name in CHECKS}
    found["broker"] = Finding(False, "The broker can't be reached.")
    monkeypatch.setattr(readiness, "look", lambda: found)
    return found


@pytest.fixture
def desk(admin, sign_in):
    return sign_in(admin)


def read(desk):
    return desk.get(reverse(URL)).content.decode()


class TestAccess:
    def test_admins_may_open_it(self, desk):
        assert desk.get(reverse(URL)).status_code == HTTPStatus.OK

    def test_refused_to_others(self, alice, reviewer, sign_in):
        for person in (alice, reviewer):
            assert sign_in(person).get(reverse(URL)).status_code == HTTPStatus.FORBIDDEN
        assert reverse("account_login") in Client().get(reverse(URL)).url

    def test_rail_and_admin_lead_there_for_those_who_may(self, desk, alice, sign_in):
        link = f'href="{reverse(URL)}"'
        for page in (reverse("credits"), reverse("admin:index"), reverse("providers")):
            assert link in desk.get(page).content.decode()
        assert link not in sign_in(alice).get(reverse("credits")).content.decode()


def test_what_does_not_work_comes_first_with_what_to_do(desk):
    status = studio_status.status()
    assert not status.ok
    assert (status.parts[0].name, status.parts[0].ok) == ("broker", False)
    assert "CELERY_BROKER_URL" in status.parts[0].to_do
    assert {part.to_do for part in status.parts[1:]} == {""}
    page = read(desk)
    assert "Not ready" in page
    assert "The broker can&#x27;t be reached." in page


def test_all_is_well(checks, desk):
    checks["broker"] = Finding(True, "Well.")
    assert "Not ready" not in read(desk)


def test_workers_by_what_they_do(desk):
    Worker.objects.create(pk="a:1:x", queues="images,provider", seen_at=Now(), turned_at=Now())
    long_ago = Now() - timedelta(minutes=5)
    Worker.objects.create(pk="b:1:x", queues="provider", seen_at=Now(), turned_at=long_ago)
    Worker.objects.create(pk="c:1:x", queues="images", seen_at=Now())
    rows = studio_status.status().workers
    assert [(row.name, row.does, row.tone) for row in rows] == [
        ("a:1:x", "labels images, makes exports, talks to providers", "ok"),
        ("b:1:x", "talks to providers", "bad"),
        ("c:1:x", "labels images, makes exports", "bad"),
    ]
    assert (rows[1].turned, rows[2].turned) == ("5 minutes ago", "not yet")
    assert "b:1:x" in read(desk)


def test_without_a_worker_the_page_says_what_that_means(desk):
    assert "No worker is running" in read(desk)


def test_what_waits_and_unknown_outcomes_lead_to_the_admin(desk, alice, monkeypatch):
    monkeypatch.setattr(backlog, "COUNTED_MOST", 1)
    for _ in range(3):
        make_generation(make_run(alice))
    three_hours_ago = timezone.now() - timedelta(hours=3)
    make_generation(make_run(alice), Status.UNKNOWN, unknown_at=three_hours_ago)
    steps = {row.step: row for row in studio_status.status().steps}
    assert steps["queued"].count == "more than 1"
    assert (steps["unknown"].count, steps["unknown"].age) == ("1", "3 hours")
    assert (steps["label"].count, steps["label"].age) == ("0", "")
    assert "?status__exact=unknown" in read(desk)


@pytest.mark.parametrize(
    ("free", "tone"), [(100, "ok"), (3, "warn"), (0.5, "bad")], ids=["room", "little", "none"]
)
def test_disks(desk, monkeypatch, free, tone):
    disk = signs.Disk("data", int(free * signs.GIGABYTE), 200 * signs.GIGABYTE)
    monkeypatch.setattr(signs, "disks", lambda: [disk])
    [disk] = studio_status.status().disks
    assert (disk.tone, disk.left) == (tone, f"{free:.1f} of 200.0 GB")


def test_the_number_of_queries_is_the_same_however_much_waits(desk, alice):
    figures = []
    for count in (1, 20):
        for number in range(count):
            make_generation(make_run(alice))
            Worker.objects.create(pk=f"{count}:{number}:x", queues="images", seen_at=Now())
        figures.append(queries_of(lambda: desk.get(reverse(URL))))
    assert figures[0] == figures[1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7200, "2 hours"),
        (172_800, "2 days"),
        (-5, "0 seconds"),
    ],
)
def test_a_length_of_time_is_said_in_its_largest_unit(seconds, words):
    assert duration(seconds) == words
