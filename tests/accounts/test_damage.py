"""Damage to the log is found before anything is put right, and accepted only on the record."""

from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connection, transaction

from accounts import append_only, audit, damage, sealing
from accounts.checks import the_log_is_undamaged
from accounts.events import Event
from accounts.management.commands.migrate import Command as Migrate
from accounts.models import Checkpoint, Leaf, Record, RecordTeam, User
from accounts.triggers import sqlite

ON_SQLITE = connection.vendor == "sqlite"
needs_sqlite = pytest.mark.skipif(not ON_SQLITE, reason="triggers as SQLite has them")
needs_postgresql = pytest.mark.skipif(ON_SQLITE, reason="triggers as PostgreSQL has them")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def records(alice):
    with transaction.atomic():
        audit.record(
            Event.USER_CHANGED, actor=alice, subject=alice, personal={"after": {"name": "Alice"}}
        )
    # PostgreSQL can't alter a table while foreign keys are still to be checked.
    connection.check_constraints()


def execute(*statements):
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql, None)


def drop_a_trigger():
    """Drop one trigger of the records; returns its name."""
    name = f"accounts_record_{'no_update' if ON_SQLITE else 'no_change'}"
    execute(f"DROP TRIGGER {name} {'' if ON_SQLITE else 'ON accounts_record'}")
    return name


def test_a_studio_as_it_should_be_has_none():
    assert damage.found() == []
    assert the_log_is_undamaged(databases=["default"]) == []


def test_each_missing_trigger_is_named():
    append_only.remove(connection)
    found = damage.found()
    assert len(found) == len(append_only.TABLES) * (3 if ON_SQLITE else 2)
    for table in append_only.TABLES:
        assert any(f"The trigger {table}_no_" in sentence for sentence in found)


@needs_sqlite
@pytest.mark.parametrize("when", ["BEFORE", "before"])  # sorts before and after the right text
def test_a_trigger_that_does_nothing_is_found(when):
    execute(
        "DROP TRIGGER accounts_entry_no_delete",
        f"CREATE TRIGGER accounts_entry_no_delete {when} DELETE ON accounts_entry "
        "BEGIN SELECT 1; END",
    )
    assert damage.found() == [
        "The trigger accounts_entry_no_delete is not the one that the studio installed."
    ]


@needs_sqlite
def test_a_trigger_of_another_table_does_not_count():
    drop_a_trigger()
    execute(
        "CREATE TRIGGER accounts_record_no_update BEFORE UPDATE ON accounts_team "
        "BEGIN SELECT 1; END"
    )
    assert damage.found() == ["The trigger accounts_record_no_update is missing or switched off."]


@needs_postgresql
@pytest.mark.parametrize("how", ["DISABLE TRIGGER", "ENABLE TRIGGER", "ENABLE REPLICA TRIGGER"])
def test_a_trigger_that_does_not_always_fire_is_found(how):
    execute(f"ALTER TABLE accounts_entry {how} accounts_entry_no_change")
    assert damage.found() == ["The trigger accounts_entry_no_change is missing or switched off."]


@needs_postgresql
def test_a_function_that_refuses_nothing_is_found():
    execute(
        "CREATE OR REPLACE FUNCTION accounts_entry_refuse() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN NEW; END $$"
    )
    assert damage.found() == [
        f"The trigger accounts_entry_{name} is not the one that the studio installed."
        for name in ("no_change", "no_truncate")
    ]


@needs_postgresql
def test_a_rule_that_keeps_the_triggers_from_firing_is_found():
    execute(
        "CREATE RULE aside AS ON UPDATE TO accounts_record DO INSTEAD "
        "UPDATE accounts_team SET name = name"
    )
    assert damage.found() == ["The database accepts changes to accounts_record."]


@contextmanager
def locked():
    """Somebody else is writing, and this connection does not wait for them."""
    other = connection.copy()
    lock = "BEGIN IMMEDIATE" if ON_SQLITE else "LOCK TABLE accounts_record IN EXCLUSIVE MODE"
    execute("PRAGMA busy_timeout = 0" if ON_SQLITE else "SET lock_timeout = '10ms'")
    try:
        if not ON_SQLITE:
            other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(lock)
        yield
    finally:
        other.close()
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_locked_table_is_not_taken_for_one_that_refuses_changes():
    """Nobody can tell then, so nobody says that the log is sound."""
    with locked(), pytest.raises(OperationalError):
        damage.found()
    assert damage.found() == []


@pytest.mark.parametrize("table", append_only.TABLES)
def test_a_view_in_place_of_a_table_is_found(table):
    execute(
        f"ALTER TABLE {table} RENAME TO original",
        f"CREATE VIEW {table} AS SELECT * FROM original",
    )
    assert damage.found() == [f"{table} is no table any more."]


@pytest.mark.parametrize("table", [append_only.TABLES[0], append_only.TABLES[-1]])
def test_a_missing_trigger_is_put_back_on_any_table(table):
    with connection.cursor() as cursor:
        append_only._backend(connection).drop(cursor, table)
    assert damage.found() != []
    append_only.install(connection)
    assert damage.found() == []


def test_whether_a_row_can_be_changed_is_tried():
    assert not append_only._accepts_update(connection, "accounts_record")
    append_only.remove(connection)
    assert append_only._accepts_update(connection, "accounts_record")


def test_before_a_migration_that_the_verification_needs_it_waits():
    execute("ALTER TABLE accounts_emptiedpayload RENAME TO later")
    assert damage.found() == []
    assert damage.found_anywhere() == []


def test_migrate_refuses_and_puts_nothing_back():
    name = drop_a_trigger()
    with pytest.raises(CommandError, match=rf"{name} is missing.*audit_accept_damage"):
        call_command("migrate", verbosity=0)
    with pytest.raises(SystemCheckError, match=name):
        call_command("check", databases=["default"])
    assert len(damage.found()) == 1


@needs_sqlite
def test_triggers_of_an_older_version_are_replaced_without_a_word():
    for table in append_only.TABLES:
        for older in sqlite.older(table):
            _create, _trigger, name, *_more = older.split()
            execute(f"DROP TRIGGER {name}", older)
    assert damage.found() == []

    call_command("migrate", verbosity=0)

    with connection.cursor() as cursor:
        for table in append_only.TABLES:
            assert not sqlite.older(table) & set(sqlite.present(cursor, table).values())
    assert damage.found() == []


def test_a_trigger_that_a_migration_has_dropped_is_back_once_that_has_run(capsys):
    append_only.remove(connection)  # as SQLite does when a migration rebuilds a table
    migrate = Migrate()
    migrate.verbosity = 0
    migrate.migration_progress_callback("apply_start", None)
    assert damage.found() != []
    migrate.migration_progress_callback("apply_success", None)
    assert damage.found() == []


@needs_sqlite
def test_a_new_unique_key_is_guarded_by_the_next_migration():
    execute("CREATE UNIQUE INDEX another ON accounts_record (leaf) WHERE story IS NOT NULL")
    append_only.install(connection)
    with connection.cursor() as cursor:
        assert (
            '"leaf" = NEW."leaf"'
            in sqlite.present(cursor, "accounts_record")["accounts_record_no_replace"]
        )


@needs_sqlite
def test_a_unique_key_that_cannot_be_guarded_is_an_error():
    execute("CREATE UNIQUE INDEX another ON accounts_record (lower(event))")
    with pytest.raises(NotImplementedError, match="another"):
        append_only.install(connection)


def test_triggers_that_were_lifted_stand_again_whatever_happened_meanwhile():
    def break_off():
        with append_only.lifted(connection):
            assert damage.found() != []
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert damage.found() == []


@pytest.fixture
def broken_seal(settings, tmp_path):
    """A sealed log of which a leaf was changed, with the triggers put back."""
    settings.DATA_DIR = tmp_path
    sealing.seal()
    connection.check_constraints()
    with append_only.lifted(connection):
        Leaf.objects.filter(place=0).update(leaf=bytes(32))


def test_a_log_that_differs_from_its_newest_checkpoint_is_damaged(broken_seal):
    [sentence] = damage.found()
    assert "do not give the root of the newest checkpoint" in sentence
    with pytest.raises(CommandError, match="newest checkpoint"):
        call_command("migrate", verbosity=0)


class TestAccepting:
    def test_a_broken_seal_is_on_the_record_and_sealing_goes_on(self, broken_seal):
        call_command("audit_accept_damage", reason="A restored backup")
        record = Record.objects.get(event=Event.LOG_DAMAGE_ACCEPTED)
        assert "newest checkpoint" in record.facts["damage"][0]
        assert damage.found() == []
        assert sealing.seal() == 0
        assert Checkpoint.objects.latest("pk").size == Leaf.objects.count()
        assert Leaf.objects.filter(record=record).exists()

    def test_shows_the_damage_repairs_the_protection_and_is_on_the_record(self, capsys):
        name = drop_a_trigger()
        call_command("audit_accept_damage", reason="A restored backup had no triggers")

        sentence = f"The trigger {name} is missing or switched off."
        assert sentence in capsys.readouterr().out
        record = Record.objects.get(event=Event.LOG_DAMAGE_ACCEPTED)
        assert (record.actor, record.facts["damage"]) == (None, [sentence])
        assert record.facts["ranges"] == []
        assert record.payload.data["reason"] == "A restored backup had no triggers"
        assert record.payload.data["os_user"]
        assert not RecordTeam.objects.filter(record=record).exists()  # it concerns no team
        call_command("migrate", verbosity=0)

    def test_migrates_first_if_the_damaged_studio_is_of_an_older_version(self, monkeypatch):
        drop_a_trigger()
        given = {}

        def migrate(name, **options):
            given.update(options, name=name)

        command = "accounts.management.commands.audit_accept_damage"
        monkeypatch.setattr(f"{command}.call_command", migrate)
        monkeypatch.setattr(f"{command}.MigrationExecutor.migration_plan", lambda *_: ["one"])
        call_command("audit_accept_damage", reason="An old studio")

        assert (given["name"], given["refuse_damage"]) == ("migrate", False)
        assert Record.objects.get(event=Event.LOG_DAMAGE_ACCEPTED).facts["damage"]

    def test_migrating_on_the_way_does_not_refuse(self):
        drop_a_trigger()
        call_command("migrate", verbosity=0, refuse_damage=False)
        assert damage.found() == []

    def test_without_damage_nothing_happens(self, capsys):
        call_command("audit_accept_damage", reason="Just in case")
        assert "no damage" in capsys.readouterr().out
        assert not Record.objects.filter(event=Event.LOG_DAMAGE_ACCEPTED).exists()

    @pytest.mark.parametrize("reason", ["", " "])
    def test_a_reason_is_needed(self, reason):
        drop_a_trigger()
        with pytest.raises(CommandError, match="--reason"):
            call_command("audit_accept_damage", reason=reason)
        assert len(damage.found()) == 1

    def test_if_it_cannot_be_recorded_the_damage_stays_visible(self, monkeypatch):
        drop_a_trigger()
        monkeypatch.setattr(damage.audit, "record", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            damage.accept(damage.found(), reason="A try")
        assert len(damage.found()) == 1
        assert User.objects.exists()
