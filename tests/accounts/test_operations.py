"""Starts, stops, changed settings and migrations are on the record, and no restart floods it."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError

from accounts import operations
from accounts.audit import tallies
from accounts.events import Event
from accounts.models import Record, RecordTeam, Tally
from seedream_site.noted_env import NotedEnv

pytestmark = pytest.mark.django_db
SETTINGS = {"DATABASE_URL": "aa", "DEMO": "bb", "SECRET_KEY": "cc"}


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.SETTING_DIGESTS = SETTINGS


def of(event):
    return list(Record.objects.filter(event=event).order_by("pk"))


class TestStarts:
    def test_a_start_and_an_end_are_recorded_with_the_version_and_concern_no_team(self, settings):
        operations.started("web")
        operations.stopped("web")
        for event in (Event.STUDIO_STARTED, Event.STUDIO_STOPPED):
            [record] = of(event)
            assert record.facts == {"program": "web", "studio": settings.STUDIO_VERSION}
            assert record.payload.data["host"]
            assert not RecordTeam.objects.filter(record=record).exists()

    def test_a_program_that_restarts_again_and_again_is_counted(self):
        for _ in range(20):
            operations.started("worker")
        assert len(of(Event.STUDIO_STARTED)) == 1
        Tally.objects.update(until="2020-01-01T00:00Z")
        tallies.close_all()
        assert [record.facts.get("more") for record in of(Event.STUDIO_STARTED)] == [None, 19]

    def test_a_new_version_is_recorded_at_once(self, settings):
        operations.started("web")
        settings.STUDIO_VERSION = "99"
        operations.started("web")
        assert [record.facts["studio"] for record in of(Event.STUDIO_STARTED)][1:] == ["99"]

    def test_without_a_database_a_program_starts_and_its_start_is_recorded_later(self, monkeypatch):
        def away(*args):
            raise DatabaseError("the database is away")

        with monkeypatch.context() as patch:
            patch.setattr(operations, "_note", away)
            operations.started("web")
            operations.stopped("web")
        assert of(Event.STUDIO_STARTED) == []
        operations.catch_up()
        operations.catch_up()
        assert len(of(Event.STUDIO_STARTED)) == 1


class TestSettings:
    def changed(self):
        return [record.facts["changed"] for record in of(Event.STUDIO_CONFIGURED)]

    def test_the_first_start_records_all_and_names_no_change(self):
        operations.started("web")
        [record] = of(Event.STUDIO_CONFIGURED)
        assert record.facts["digests"] == SETTINGS
        assert self.changed() == [[]]

    def test_only_what_changed_is_named_and_only_when_it_changes(self, settings):
        for digests in (SETTINGS, SETTINGS, SETTINGS | {"DEMO": "dd"}, SETTINGS | {"DEMO": "dd"}):
            settings.SETTING_DIGESTS = digests
            operations.started("web")
        settings.SETTING_DIGESTS = {name: SETTINGS[name] for name in ("DEMO", "SECRET_KEY")}
        operations.started("web")
        assert self.changed() == [[], ["DEMO"], ["DATABASE_URL", "DEMO"]]

    def test_programs_are_compared_with_themselves(self, settings):
        operations.started("web")
        settings.SETTING_DIGESTS = SETTINGS | {"DEMO": "dd"}
        operations.started("worker")
        settings.SETTING_DIGESTS = SETTINGS
        operations.started("web")
        assert self.changed() == [[], []]

    def test_a_new_secret_key_is_named_alone(self, settings):
        operations.started("web")
        settings.SETTING_DIGESTS = dict.fromkeys(SETTINGS, "ee")
        operations.started("web")
        assert self.changed() == [[], ["SECRET_KEY"]]

    def test_hashes_are_keyed_and_hold_no_value(self, monkeypatch):
        monkeypatch.setenv("A_SETTING", "a secret")
        env = NotedEnv()
        env.str("A_SETTING")
        env.int("ANOTHER", default=5)
        digests = env.digests(key="one")
        assert set(digests) == {"A_SETTING", "ANOTHER"}
        assert "secret" not in str(digests)
        assert env.digests(key="two")["A_SETTING"] != digests["A_SETTING"]

    def test_the_studio_knows_a_hash_of_each_of_its_settings(self):
        from django.conf import settings as loaded  # before the fixture

        assert loaded._wrapped.default_settings.SETTING_DIGESTS.keys() >= SETTINGS.keys()


class TestMigrations:
    def test_what_was_applied_is_recorded_with_the_user(self, monkeypatch):
        command = "accounts.management.commands.migrate.migrate.Command.handle"

        def handle(self, *args, **options):
            self._applied.append("accounts.0099_more")

        monkeypatch.setattr(command, handle)
        call_command("migrate", verbosity=0)
        [record] = of(Event.STUDIO_MIGRATED)
        assert record.facts["applied"] == ["accounts.0099_more"]
        assert record.facts["command"] == "migrate"
        assert record.payload.data["os_user"]

    def test_a_call_with_nothing_to_do_is_not(self):
        call_command("migrate", verbosity=0)
        assert of(Event.STUDIO_MIGRATED) == []
