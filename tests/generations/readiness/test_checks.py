"""The check of each part, when it works and when it is really stopped, closed or full."""

import shutil
from collections import namedtuple
from datetime import timedelta

import pytest
from celery import Celery
from django.core.files.storage import storages
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import audit, caching, tasks
from accounts.events import Event
from accounts.models import Pulse, Unsealed
from generations.jobs import broker
from generations.models import Worker
from generations.queues import QUEUES
from generations.readiness import CHECKS, signs

Usage = namedtuple("Usage", "total used free")
GB = 10**9


def look(name):
    return CHECKS[name].look()


def make_worker(queues="provider", *, turned=timedelta()):
    turned_at = None if turned is None else Now() - turned
    return Worker.objects.create(
        pk=f"host:{Worker.objects.count()}:x", queues=queues, seen_at=Now(), turned_at=turned_at
    )


@pytest.fixture
def in_the_way(tmp_path):
    """A file in place of a folder, so that nobody can write into it, not even root."""
    path = tmp_path / "folder"
    path.write_text("in the way")
    return path


@pytest.mark.django_db
class TestWorkers:
    @pytest.mark.parametrize("queue", QUEUES)
    def test_none_is_running(self, queue):
        finding = look(f"workers_{queue}")
        assert (finding.ok, finding.detail) == (False, "No worker for this is running.")

    def test_one_whose_loops_turn_is_enough_for_its_queues(self):
        make_worker("images,provider", turned=timedelta(seconds=300))
        make_worker("provider")
        assert look("workers_provider").ok
        assert look("workers_provider").detail == "A worker was at work 0 s ago."
        assert not look("workers_images").ok
        assert "been at work for 300 s" in look("workers_images").detail

    def test_one_whose_loops_never_turned_does_not_count(self):
        make_worker(turned=None)
        finding = look("workers_provider")
        assert (finding.ok, "not begun to work" in finding.detail) == (False, True)
        make_worker()
        assert look("workers_provider").ok


@pytest.mark.django_db
class TestBeat:
    def test_never_heard_of(self):
        assert not look("beat").ok

    def test_heard_of_just_now_and_long_ago(self, settings):
        for _ in range(2):
            tasks.note_beat()
        assert look("beat").ok
        assert settings.CELERY_BEAT_SCHEDULE["note-beat"]["task"] == tasks.note_beat.name
        Pulse.objects.update(seen_at=Now() - timedelta(minutes=5))
        finding = look("beat")
        assert (finding.ok, "for 300 s" in finding.detail) == (False, True)


@pytest.mark.django_db
def test_the_database_answers():
    assert look("database").ok


@pytest.mark.django_db
class TestLog:
    def test_a_record_may_wait_for_five_minutes(self, alice):
        assert look("log").ok
        with transaction.atomic():
            audit.record(Event.USER_CHANGED, actor=alice, subject=alice)
        assert look("log").ok
        Unsealed.objects.update(since=timezone.now() - timedelta(minutes=6))
        finding = look("log")
        assert (finding.ok, "more than 5 minutes" in finding.detail) == (False, True)


class TestCache:
    def test_answers(self):
        assert look("cache").ok

    def test_is_away_though_pages_go_on_without_it(self, settings):
        backend = "django.core.cache.backends.redis.RedisCache"
        shared = {"BACKEND": backend, "LOCATION": "redis://127.0.0.1:1/0"}
        settings.CACHES = {**settings.CACHES, "shared": shared}
        finding = look("cache")
        caching.outage.forget()
        assert (finding.ok, finding.detail) == (False, "The cache can't be reached.")


class TestBroker:
    def test_answers(self):
        assert look("broker").ok

    def test_is_away(self, monkeypatch):
        use_broker(monkeypatch, broker_url="redis://127.0.0.1:1/0")
        with pytest.raises(Exception, match="refused"):
            look("broker")

    def test_its_folder_cannot_be_written(self, monkeypatch, in_the_way):
        options = {"data_folder_in": str(in_the_way), "data_folder_out": str(in_the_way)}
        transport = "seedream_site.file_broker:Transport"
        use_broker(monkeypatch, broker_transport=transport, broker_transport_options=options)
        with pytest.raises(Exception, match="Can't write"):
            look("broker")


def use_broker(monkeypatch, **configuration):
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)  # Celery reads it first
    app = Celery("elsewhere", set_as_current=False)
    app.conf.update(configuration)
    monkeypatch.setattr(broker, "current_app", app)


class TestStorage:
    def test_writes_reads_and_leaves_nothing(self, settings, tmp_path):
        set_location(settings, tmp_path)
        assert look("storage").ok
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_cannot_be_written(self, settings, in_the_way):
        set_location(settings, in_the_way)
        with pytest.raises(OSError, match="folder"):
            look("storage")


class TestDisk:
    @pytest.mark.parametrize(
        ("total", "free", "is_full", "is_nearly_full"),
        [
            (1000 * GB, 20 * GB, False, False),
            (1000 * GB, 4.9 * GB, False, True),
            (1000 * GB, 0.9 * GB, True, True),
            (10 * GB, 1.1 * GB, False, False),
            (10 * GB, 0.9 * GB, False, True),
            (10 * GB, 0.4 * GB, True, True),
        ],
    )
    def test_small_disks_may_have_less_free_space(self, total, free, is_full, is_nearly_full):
        disk = signs.Disk("data", int(free), total)
        assert (disk.is_full, disk.is_nearly_full) == (is_full, is_nearly_full)

    def test_says_how_much_is_left(self, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * GB, 99.5 * GB, 0.5 * GB))
        finding = look("disk")
        assert (finding.ok, finding.detail) == (False, "0.5 GB are left, 0 % of the disk.")

    def test_files_that_are_not_there_yet_are_on_the_disk_above_them(self, settings, tmp_path):
        set_location(settings, tmp_path / "not" / "yet")
        assert look("disk").ok == (not any(disk.is_full for disk in signs.disks()))


def set_location(settings, folder):
    backend = "generations.storage.AtomicFileSystemStorage"
    given = {"BACKEND": backend, "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "originals": given}
    assert storages["originals"].location == str(folder)
