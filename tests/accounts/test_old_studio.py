"""A studio from before the seal is upgraded with its records, and these are sealed and verified."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection

PROJECT = Path(__file__).resolve().parents[2]
RECORDS = 30

# Runs in a process of its own, with a database of its own.
STORY = f"""
import io, json, uuid
import django
django.setup()
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

def run(*command, **options):
    out = io.StringIO()
    try:
        call_command(*command, **options, stdout=out)
    except SystemExit:
        pass
    return out.getvalue()

run("migrate", "generations", "0015", verbosity=0)
run("migrate", "accounts", "0009", verbosity=0)

from accounts import append_only, audit
from accounts.audit import canonical
from accounts.models import Record

def insert(table, values):
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        sql = f"INSERT INTO {{table}} ({{names}}) VALUES ({{marks}})"
        cursor.execute(sql, list(values.values()))

def adapted(field, value):
    return Record._meta.get_field(field).get_db_prep_value(value, connection)

for number in range({RECORDS}):
    payload, salt = {{"reason": f"fox {{number}}"}}, bytes([number]) * 32
    row = Record(version=1, at=timezone.now(), event="allowance:topped_up", subject_kind="user",
                 subject_id=uuid.uuid4(), facts={{"credits": number}},
                 personal=canonical.payload_digest(salt, payload) if number % 2 else None)
    row.leaf = audit.leaf_hash(audit.record_bytes(row, actor=None))
    old = ("uuid", "version", "at", "event", "subject_kind", "subject_id", "facts", "personal",
           "leaf")
    with transaction.atomic():
        insert("accounts_record", {{name: adapted(name, getattr(row, name)) for name in old}})
        if number % 2:
            key = Record.objects.values_list("pk", flat=True).get(uuid=row.uuid)
            insert("accounts_recordpayload",
                   {{"record_id": key, "salt": salt, "data": json.dumps(payload)}})
before = list(Record.objects.order_by("pk").values_list("uuid", "leaf"))
run("migrate", verbosity=0)
assert [(u, bytes(l)) for u, l in before] == [
    (u, bytes(l)) for u, l in Record.objects.order_by("pk").values_list("uuid", "leaf")
    if u in dict(before)]
waiting = __import__("accounts.models").models.Unsealed.objects.count()
run("seal_audit")
# The landing before: code that runs before `migrate` meets a table without the newest columns.
from django.db.migrations.loader import MigrationLoader
known = MigrationLoader(connection).disk_migrations
names = sorted(name for app, name in known if app == "accounts")
run("migrate", "accounts", names[-2], verbosity=0)
run("migrate", verbosity=0)
began = Record.objects.get(event="log:sealing_began")
sound = json.loads(run("verify_audit", "--json"))
versions = set(Record.objects.filter(sealed__place__lt={RECORDS}).values_list("version", flat=True))
first = __import__("accounts.models").models.Checkpoint.objects.earliest("pk")
connection.check_constraints()
with append_only.lifted(connection):
    Record.objects.filter(sealed__place=7).update(subject_kind="x")
changed = json.loads(run("verify_audit", "--json"))
print(json.dumps({{"waiting": waiting, "before": began.facts["records_before"],
    "place": began.sealed.place, "sound": sound, "versions": sorted(versions),
    "first": first.size, "changed": changed["integrity"]["first_bad"]}}))
"""


@contextmanager
def empty_database(folder):
    """The address of a database of the kind that the tests use, for one studio."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / 'old.sqlite3'}"
        return
    values = connection.settings_dict
    name = f"{values['NAME']}_old"
    server = {name: values[name.upper()] for name in ("user", "password", "host", "port")}
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as other:
        other.execute(f'DROP DATABASE IF EXISTS "{name}"')
        other.execute(f'CREATE DATABASE "{name}"')
        try:
            user = ":".join(filter(None, (server["user"], server["password"])))
            yield f"postgres://{user}@{server['host']}:{server['port'] or 5432}/{name}"
        finally:
            other.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the story above says."""
    folder = tmp_path_factory.mktemp("old")
    with empty_database(folder) as url:
        environ = os.environ | {
            "DATABASE_URL": url,
            "DATA_DIR": str(folder),
            "SECRET_KEY": "x" * 50,
            "DJANGO_SETTINGS_MODULE": "seedream_site.settings",
            "PYTHONPATH": str(PROJECT),
        }
        done = subprocess.run(
            [sys.executable, "-c", STORY],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_all_records_are_kept_under_their_version_and_sealed(told):
    assert told["waiting"] >= RECORDS
    assert told["versions"] == [1]
    assert told["sound"]["integrity"]["ok"]
    assert told["sound"]["sealed"] > RECORDS


def test_the_log_says_from_which_record_on_it_is_sealed(told):
    assert told["before"] == told["place"] >= RECORDS
    assert told["first"] == told["sound"]["sealed"]


def test_an_old_record_that_is_changed_later_is_found(told):
    assert told["changed"] == 7
