"""The database itself refuses to change records."""

import re
import uuid
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from accounts import append_only, audit, ledger
from accounts.checks import append_only_tables_refuse_changes
from accounts.events import Event
from accounts.models import Entry, Record, RecordPayload, RecordTeam


@pytest.fixture
def rows(alice):
    with transaction.atomic():
        record = audit.record(
            Event.USER_CHANGED, actor=alice, subject=alice, personal={"before": {"name": "Alice"}}
        )
    ledger.reserve(alice, {uuid.uuid4(): 1}, price=uuid.uuid4())
    # PostgreSQL can't alter a table while foreign keys are still to be checked.
    connection.check_constraints()
    return record


def refuses(sql, *params):
    refusal = pytest.raises(DatabaseError, match=r"append-only|only be emptied")
    with refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
    return True


@pytest.mark.django_db
class TestRefusals:
    @pytest.mark.parametrize("model", [Record, RecordTeam, Entry])
    def test_update_and_delete_of_any_row(self, rows, model):
        table = model._meta.db_table
        assert refuses(f"UPDATE {table} SET id = id")
        assert refuses(f"DELETE FROM {table} WHERE id = (SELECT MIN(id) FROM {table})")

    def test_through_the_orm(self, rows):
        with pytest.raises(DatabaseError), transaction.atomic():
            Record.objects.update(event=Event.USER_INVITED)
        with pytest.raises(DatabaseError), transaction.atomic():
            Entry.objects.all()._raw_delete("default")

    def test_replacing_or_upserting_a_row(self, rows):
        upsert = (
            "INSERT INTO accounts_recordpayload (id, record_id) SELECT id, record_id "
            "FROM accounts_recordpayload WHERE true ON CONFLICT (id) DO UPDATE SET record_id = 0"
        )
        assert refuses(upsert)
        if connection.vendor == "sqlite":
            assert refuses(
                "INSERT OR REPLACE INTO accounts_record SELECT * FROM accounts_record LIMIT 1"
            )

    def test_truncate(self, rows):
        if connection.vendor == "postgresql":
            assert refuses("TRUNCATE accounts_entry")
            assert refuses("TRUNCATE accounts_record CASCADE")
        else:  # SQLite has no TRUNCATE: emptying the table is a DELETE
            assert refuses("DELETE FROM accounts_entry")

    def test_a_payload_may_be_emptied_and_nothing_else(self, rows):
        payload = RecordPayload.objects.filter(record=rows)
        kept = {"salt": payload.get().salt, "data": payload.get().data}
        others = [{"data": {"name": "Eve"}}, {"salt": b"pepper"}, {"salt": None}, {"data": None}]
        moved = {"salt": None, "data": None, "record_id": rows.pk + 1}
        for change in [*others, kept, moved]:
            with pytest.raises(DatabaseError), transaction.atomic():
                payload.update(**change)
        assert payload.update(salt=None, data=None) == 1
        for change in [{"data": {"name": "Eve"}}, {"salt": b"pepper"}, kept]:
            with pytest.raises(DatabaseError), transaction.atomic():
                payload.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            payload.delete()


@pytest.mark.django_db
class TestChecks:
    def test_silent_while_the_tables_refuse(self, rows):
        assert append_only_tables_refuse_changes(databases=["default"]) == []

    def test_names_the_triggers_that_are_gone(self, rows):
        append_only.remove(connection)
        [error] = append_only_tables_refuse_changes(databases=["default"])
        assert error.id == "accounts.E001"
        assert all(f"{table}_no_" in error.msg for table in append_only.TABLES)
        append_only.install(connection)

    def test_triggers_that_were_lifted_stand_again_whatever_happened_meanwhile(self, rows):
        def break_off():
            with append_only.lifted(connection):
                assert append_only.missing(connection) != []
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_off()
        assert append_only.missing(connection) == []

    def test_migrate_puts_them_back(self, rows):
        append_only.remove(connection)
        call_command("migrate", verbosity=0)
        assert append_only.missing(connection) == []

    def test_finds_a_table_whose_triggers_do_not_refuse_changes(self, rows):
        append_only.remove(connection)
        harmless = (
            [
                f"CREATE TRIGGER {table}_{name} BEFORE UPDATE ON {table} BEGIN SELECT 1; END"
                for table in append_only.TABLES
                for name in ("no_update", "no_delete", "no_replace")
            ]
            if connection.vendor == "sqlite"
            else [
                "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql "
                "AS $$ BEGIN RETURN NEW; END $$",
                *(
                    sql
                    for table in append_only.TABLES
                    for name in ("no_change", "no_truncate")
                    for sql in (
                        f"CREATE TRIGGER {table}_{name} BEFORE UPDATE ON {table} "
                        "FOR EACH ROW EXECUTE FUNCTION nothing()",
                        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name}",
                    )
                ),
            ]
        )
        with connection.cursor() as cursor:
            for sql in harmless:
                cursor.execute(sql)
        errors = append_only_tables_refuse_changes(databases=["default"])
        assert {error.id for error in errors} == {"accounts.E002"}
        append_only.remove(connection)
        append_only.install(connection)


def test_the_recipe_for_a_separate_role_names_every_table():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [revoked] = re.findall(r"REVOKE UPDATE, DELETE ON (.+) FROM studio;", readme)

    assert set(revoked.split(", ")) == set(append_only.TABLES)


def test_the_recipe_leaves_the_columns_that_are_erased():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    granted = re.findall(r"GRANT UPDATE \((.+)\) ON (\w+) TO studio;", readme)

    assert {table: tuple(columns.split(", ")) for columns, table in granted} == append_only.ERASABLE
