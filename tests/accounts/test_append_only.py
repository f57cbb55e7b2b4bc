"""The database itself refuses to change records."""

import uuid
from base64 import b64encode

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import append_only, audit, ledger, sealing
from accounts.events import Event
from accounts.models import (
    Checkpoint,
    Entry,
    Record,
    RecordPayload,
    RecordTeam,
    Subtree,
    TimeStamp,
)


@pytest.fixture
def rows(alice, settings):
    with transaction.atomic():
        record = audit.record(
            Event.USER_CHANGED, actor=alice, subject=alice, personal={"before": {"name": "Alice"}}
        )
    ledger.reserve(alice, {uuid.uuid4(): 1}, price=uuid.uuid4())
    # Older versions showed records that concern no team to every team.
    older = Record.objects.last()
    RecordTeam.objects.create(record=older, at=older.at, event=older.event)
    settings.LOG_SIGNING_KEY = b64encode(bytes(32)).decode()
    sealing.seal()
    Subtree.objects.create(level=10, index=0, hash=bytes(32))
    checkpoint = Checkpoint.objects.get()
    TimeStamp.objects.create(checkpoint=checkpoint, answer=b"", at=checkpoint.at)
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
    @pytest.mark.parametrize("table", [*append_only.FROZEN, "accounts_entry"])
    def test_update_and_delete_of_any_row(self, rows, table):
        with connection.cursor() as cursor:
            key = connection.introspection.get_primary_key_column(cursor, table)
        assert refuses(f"UPDATE {table} SET {key} = {key}")
        assert refuses(f"DELETE FROM {table} WHERE {key} = (SELECT MIN({key}) FROM {table})")

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

    def test_upserting_where_nothing_would_change(self, rows):
        refuses(
            "INSERT INTO accounts_entry SELECT * FROM accounts_entry WHERE true "
            "ON CONFLICT (id) DO UPDATE SET amount = excluded.amount"
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

    def test_the_reason_of_an_entry_may_be_emptied_and_nothing_else(self, alice):
        ledger.top_up(alice, 5, actor=alice, reason="for Alice")
        entry = Entry.objects.filter(reason="for Alice")
        for change in [{"reason": "other"}, {"reason": "", "amount": 6}, {"amount": 6}]:
            with pytest.raises(DatabaseError), transaction.atomic():
                entry.update(**change)
        key = entry.get().pk
        assert entry.update(reason="") == 1
        for change in [{"reason": ""}, {"reason": "other"}, {"actor": None}]:
            with pytest.raises(DatabaseError), transaction.atomic():
                Entry.objects.filter(pk=key).update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            Entry.objects.filter(pk=key)._raw_delete("default")

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has UPDATE OR REPLACE")
    def test_a_payload_that_is_moved_onto_another(self, rows, alice):
        with transaction.atomic():
            audit.record(
                Event.USER_CHANGED, actor=alice, subject=alice, personal={"after": {"name": "Bob"}}
            )
        first, second = RecordPayload.objects.order_by("pk")
        for column in ("id", "record_id"):
            assert refuses(
                f"UPDATE OR REPLACE accounts_recordpayload SET {column} = %s, salt = NULL, "
                "data = NULL WHERE id = %s",
                getattr(first, column),
                second.pk,
            )


def unique_keys(table):
    """Column lists of the unique keys of a table, as the database knows them."""
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table).values()
    keys = {
        tuple(found["columns"]) for found in constraints if found["unique"] or found["primary_key"]
    }
    return sorted(keys | {("rowid",)})


def rows_of(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT rowid AS rowid, * FROM {table}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def other_value(value):
    """A value that no row has."""
    return value + 1_000_000 if isinstance(value, int) else uuid.uuid4().hex


def clashing(row, key, keys):
    """A row that has only `key` in common with `row`, of all its unique columns."""
    unique = {column for columns in keys for column in columns}
    free = {
        column: other_value(value)
        for column, value in row.items()
        if column in unique - set(key) and value is not None
    }
    row = row | free
    # Both name the same column where a table has a primary key that is a whole number.
    row.pop("id" if "rowid" in key else "rowid", None)
    return row


def replace_sql(table, row):
    columns = ", ".join(f'"{column}"' for column in row)
    return f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(row))})"


def replaces(table, new):
    """Whether the database, without triggers, lets the new row take the place of another."""

    class Undone(Exception):
        pass

    count = len(rows_of(table))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            append_only.remove(connection)
            cursor.execute(replace_sql(table, new), list(new.values()))
            replaced = len(rows_of(table)) == count
            raise Undone
    except Undone:
        return replaced


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has REPLACE")
@pytest.mark.django_db
@pytest.mark.parametrize("table", append_only.TABLES)
def test_no_unique_key_lets_a_row_be_replaced(rows, table):
    keys = unique_keys(table)
    for key in keys:
        attacks = [
            clashing(old, key, keys)
            for old in rows_of(table)
            if replaces(table, clashing(old, key, keys))
        ]
        assert attacks, f"no row shows that {key} is a unique key"
        for new in attacks:
            assert refuses(replace_sql(table, new), *new.values())
            if "id" in new and key != ("id",):
                new["id"] = None  # the database chooses one
                assert refuses(replace_sql(table, new), *new.values())
