"""Two PostgreSQL roles: what the one that runs the studio cannot do, and what it can."""

import uuid
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction

from accounts import append_only, audit, database_roles, forgetting, ledger, role_making
from accounts.append_only import FROZEN, TABLES
from accounts.checks import the_running_role_can_only_add_to_the_log
from accounts.database_roles import Role
from accounts.events import Event
from accounts.models import Entry, Record, RecordPayload
from generations.models import Run
from generations.models.prompt_index import IndexedPrompt
from tests.generations.asking import APIXO

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles")

ON_A_TABLE = (
    "UPDATE {table} SET {key} = {key}",
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
    "DROP TABLE {table} CASCADE",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} RENAME TO gone",
    "ALTER TABLE {table} DROP COLUMN {key} CASCADE",
    "DROP TRIGGER {table}_no_change ON {table}",
    "CREATE TRIGGER mine BEFORE INSERT ON {table} EXECUTE FUNCTION {table}_refuse()",
    "CREATE RULE mine AS ON UPDATE TO {table} DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql "
    "AS 'BEGIN RETURN NEW; END'",
    "DROP FUNCTION {table}_refuse() CASCADE",
    "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
)
ELSEWHERE = (
    "UPDATE accounts_recordpayload SET record_id = record_id",
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE accounts_record (id int)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "SET session_replication_role = replica",
    "DROP TABLE generations_run CASCADE",
    "TRUNCATE generations_run CASCADE",
)


@pytest.fixture
def names(db):
    """Names that no other test uses: roles belong to the whole server."""
    return tuple(f"{connection.settings_dict['NAME']}_{kind}" for kind in ("owner", "run"))


@pytest.fixture
def owner(names):
    return Role(names[0], "first secret")


@pytest.fixture
def running(names):
    return Role(names[1], "second secret")


@pytest.fixture
def made(owner, running):
    """What was done to make both roles. It is undone with the test's transaction."""
    return list(role_making.make(connection, owner=owner, running=running))


@contextmanager
def acting_as(role):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role.name}"')
        yield cursor
        cursor.execute("RESET ROLE")


def key_of(table):
    with connection.cursor() as cursor:
        return connection.introspection.get_primary_key_column(cursor, table)


def write_a_record(alice):
    with transaction.atomic():
        audit.record(
            Event.USER_CHANGED, actor=alice, subject=alice, personal={"after": {"name": "Alice"}}
        )
    ledger.reserve(alice, {uuid.uuid4(): 1}, price=uuid.uuid4())
    connection.check_constraints()


@pytest.mark.django_db
class TestRunningRole:
    def test_cannot_touch_the_log_or_what_guards_it(self, made, running):
        for sql in [
            *ELSEWHERE,
            *(sql.format(table=table, key=key_of(table)) for table in TABLES for sql in ON_A_TABLE),
        ]:
            refusal = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
            with refusal, acting_as(running) as cursor:
                cursor.execute(sql)

    def test_can_add_to_the_log_and_read_it(self, made, running, alice):
        with acting_as(running):
            write_a_record(alice)
            assert RecordPayload.objects.get().data == {"after": {"name": "Alice"}}
            assert Entry.objects.get(kind=Entry.Kind.RESERVE).amount == 1

    def test_can_empty_a_payload(self, made, running, alice):
        write_a_record(alice)
        with acting_as(running):
            assert RecordPayload.objects.update(salt=None, data=None) == 1

    def test_can_erase(self, made, running, alice):
        ledger.top_up(alice, 5, actor=alice, reason="for Alice")
        with acting_as(running):
            facts = {"erasure": str(uuid.uuid4()), "scope": "person"}
            about = {"actor": alice, "subject": alice, "story": None, "reason": "a letter"}
            payloads = list(RecordPayload.objects.all())
            assert audit.erasing.empty(payloads, facts=facts, **about) == 1
            forgetting.forget(alice)
            assert not Entry.objects.exclude(reason="").exists()

    def test_can_change_what_is_not_the_log(self, made, running, alice):
        with acting_as(running):
            alice.name = "Alice Arden"
            alice.save()

    def test_cannot_give_itself_rights(self, made, running):
        with acting_as(running) as cursor:
            cursor.execute(f'GRANT ALL ON accounts_record TO "{running.name}"')  # only a warning
            assert database_roles.dangers(connection) == []

    def test_can_use_a_table_that_a_later_migration_makes(self, made, owner, running):
        with acting_as(owner) as cursor:
            cursor.execute("CREATE TABLE later (id bigserial, name text)")
        with acting_as(running) as cursor:
            cursor.execute("INSERT INTO later (name) VALUES ('a')")
            cursor.execute("UPDATE later SET name = 'b'")
            cursor.execute("DELETE FROM later")


@pytest.mark.django_db
class TestMaking:
    def test_says_what_it_did_and_repeats_without_harm(self, made, owner, running):
        assert made[:2] == [f"Made the role {owner.name}.", f"Made the role {running.name}."]
        assert any("more of kind table" in sentence for sentence in made)
        assert any("more of kind routine" in sentence for sentence in made)

        again = list(role_making.make(connection, owner=owner, running=running))

        assert [sentence for sentence in again if sentence not in made] == []
        assert len(again) == 2

    def test_moves_everything_from_a_role_that_ran_alone(self, owner, running):
        alone = f'"{running.name}"'
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {alone} LOGIN CREATEDB CREATEROLE")
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} OWNER TO {alone}")
            cursor.execute(f"ALTER DATABASE {connection.settings_dict['NAME']} OWNER TO {alone}")
            cursor.execute(f"GRANT CREATE ON SCHEMA public TO {alone}")
            cursor.execute(f"GRANT ALL ON accounts_entry TO {alone}, PUBLIC")
        with acting_as(running):
            assert database_roles.dangers(connection) == [
                "switch off the triggers of its tables, because it owns them"
            ]

        done = list(role_making.make(connection, owner=owner, running=running))

        assert f"{running.name} has lost CREATEROLE, CREATEDB." in done
        assert f"{owner.name} owns 1 more of kind database." in done
        with acting_as(running):
            assert database_roles.dangers(connection) == []

    def test_ends_a_membership_in_the_owner(self, made, owner, running):
        with connection.cursor() as cursor:
            cursor.execute(f'GRANT "{owner.name}" TO "{running.name}"')
        again = list(role_making.make(connection, owner=owner, running=running))
        assert f"{running.name} is no longer a member of {owner.name}." in again
        with acting_as(running):
            assert database_roles.dangers(connection) == []

    def test_refuses_a_superuser_as_the_running_role(self, owner):
        superuser = Role(connection.settings_dict["USER"], "")
        with pytest.raises(CommandError, match="is a superuser"), transaction.atomic():
            list(role_making.make(connection, owner=owner, running=superuser))

    def test_the_server_is_given_no_plain_password(self, owner, running):
        statements = []

        def note(execute, sql, *args):
            statements.append(sql)
            return execute(sql, *args)

        with connection.execute_wrapper(note):
            list(role_making.make(connection, owner=owner, running=running))
        assert any("SCRAM-SHA-256$" in sql for sql in statements)
        assert not any("secret" in sql for sql in statements)


@pytest.mark.django_db
class TestCheck:
    def test_one_role_for_everything_is_a_warning(self):
        [warning] = the_running_role_can_only_add_to_the_log(databases=["default"])
        assert (warning.id, "because it owns them" in warning.msg) == ("accounts.W001", True)

    def test_silent_with_two_roles(self, made, running):
        with acting_as(running):
            assert the_running_role_can_only_add_to_the_log(databases=["default"]) == []

    @pytest.mark.parametrize(
        ("granted", "said"),
        [
            *((f"DELETE ON {table}", f"DELETE {table}") for table in FROZEN),
            ("TRIGGER ON accounts_record", "TRIGGER accounts_record"),
            ("UPDATE ON accounts_recordpayload", "UPDATE accounts_recordpayload"),
            ("UPDATE (record_id) ON accounts_recordpayload", "UPDATE record_id of "),
            ("CREATE ON SCHEMA public", "create tables and functions"),
        ],
    )
    def test_names_each_right_too_many(self, made, running, granted, said):
        with connection.cursor() as cursor:
            cursor.execute(f'GRANT {granted} TO "{running.name}"')
        with acting_as(running):
            [warning] = the_running_role_can_only_add_to_the_log(databases=["default"])
        assert said in warning.msg


def account_of(role):
    usual = connection.settings_dict
    given = {"USER": role.name, "PASSWORD": role.password}
    return {"HOST": usual["HOST"], "PORT": usual["PORT"], **given}


def admin_url():
    usual = connection.settings_dict
    return f"postgres://{usual['USER']}:{usual['PASSWORD']}@{usual['HOST']}:{usual['PORT']}/any"


@pytest.fixture
def settings_for_two(owner, running, settings, monkeypatch):
    """Settings that name two roles, which do not exist yet."""
    settings.DATABASE_OWNER = account_of(owner)
    database = settings.DATABASES["default"] | account_of(running)
    monkeypatch.setitem(settings.DATABASES, "default", database)


@pytest.fixture
def two_roles(transactional_db, settings_for_two, owner, running):
    """Two real roles; they are gone again after the test."""
    call_command("database_roles", admin_url=admin_url())
    yield
    with connection.cursor() as cursor:
        cursor.execute(f'REASSIGN OWNED BY "{owner.name}" TO CURRENT_USER')
        for role in (running, owner):
            cursor.execute(f'DROP OWNED BY "{role.name}"')
            cursor.execute(f'DROP ROLE "{role.name}"')


@pytest.fixture
def as_running_role(two_roles, running, monkeypatch):
    """Connects this thread, and all that the test starts, as the role that runs the studio."""
    database = connections.settings["default"] | account_of(running)
    monkeypatch.setitem(connections.settings, "default", database)
    with database_roles.connected_as(account_of(running)):
        yield


def test_a_studio_with_two_roles_does_everything(alice, as_running_role, owner, apixo, capsys):
    """Migrates, is checked, makes an image from the prompt to the file, and indexes its words."""
    call_command("database_roles")  # once it exists, the owner itself can do this
    assert f"MIGRATE_DATABASE_URL names {owner.name}" in capsys.readouterr().out
    call_command("migrate", "generations", "0013", verbosity=0)
    call_command("migrate", verbosity=0)
    call_command("setup_demo")
    call_command("check", databases=["default"], fail_level="WARNING")
    call_command("generate", "--here", f"--user={alice.email}", f"--engine={APIXO}", "--prompt=fox")
    run = Run.objects.get()
    assert run.images.count() == 1
    assert IndexedPrompt.objects.filter(pk=run.pk).exists()
    assert Record.objects.filter(story=run.uuid, event=Event.IMAGE_STORED).exists()
    used = Record.objects.filter(event=Event.SHELL_USED, facts__command="database_roles")
    assert used.exists()
    back, forth = Record.objects.filter(event=Event.STUDIO_MIGRATED).order_by("pk")
    assert back.facts["unapplied"] == forth.facts["applied"][::-1] != []
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(f'SET ROLE "{owner.name}"')


def test_without_the_owner_there_is_no_migration(as_running_role, settings):
    settings.DATABASE_OWNER = {}
    call_command("migrate", verbosity=0)  # nothing to do
    with pytest.raises(CommandError, match="set MIGRATE_DATABASE_URL"):
        call_command("migrate", "generations", "0013", verbosity=0)


def test_damage_is_accepted_by_the_owner(as_running_role, settings):
    with database_roles.as_owner() as connection_of_owner:
        append_only.remove(connection_of_owner)
    with pytest.raises(CommandError, match="damaged or unprotected"):
        call_command("migrate", verbosity=0)
    call_command("audit_accept_damage", reason="This test did it")
    call_command("check", databases=["default"], fail_level="WARNING")
    assert Record.objects.filter(event=Event.LOG_DAMAGE_ACCEPTED).exists()


@pytest.mark.django_db
class TestCommand:
    def test_roles_that_are_not_set_up_are_an_error(self, settings_for_two):
        with pytest.raises(CommandError, match=r"run `manage\.py database_roles`"):
            database_roles.check_ready(connection)

    def test_tables_of_another_role_are_an_error(self, made, owner, settings_for_two):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_entry OWNER TO CURRENT_USER")
        with acting_as(owner), pytest.raises(CommandError, match="database_roles"):
            database_roles.check_ready(connection)

    @pytest.mark.django_db(transaction=True)
    def test_roles_that_only_a_superuser_can_make(self, settings_for_two):
        with pytest.raises(CommandError, match="--admin-url"):
            call_command("database_roles")
