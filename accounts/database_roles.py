"""The two PostgreSQL roles of a studio: the owner of its tables, and the one that runs it.

A table's owner can switch its triggers off. So the role of DATABASE_URL, which runs the studio,
owns nothing: it may read the append-only tables and add to them, and has the usual rights on all
others. Migrations run as the role of MIGRATE_DATABASE_URL. If both settings name the same role, the
studio works, but only the triggers protect the log.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.append_only import ERASABLE, TABLES

ORDINARY = "SELECT, INSERT, UPDATE, DELETE"
ON_APPEND_ONLY = "SELECT, INSERT"
ON_SEQUENCES = "USAGE, SELECT"
_APPEND_ONLY = "oid IN (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)"
# Rights with which a role could change an append-only table or what guards it.
DANGEROUS = ("UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


@dataclass(frozen=True)
class Role:
    """A role's name, and the password with which it is made."""

    name: str
    password: str = field(repr=False)


def are_two() -> bool:
    """Whether the settings name two roles."""
    return bool(settings.DATABASE_OWNER)


def running_role() -> Role:
    database = settings.DATABASES[DEFAULT_DB_ALIAS]
    return Role(database["USER"], database["PASSWORD"])


def owner_role() -> Role:
    """The owner; only if there are two roles."""
    return Role(settings.DATABASE_OWNER["USER"], settings.DATABASE_OWNER["PASSWORD"])


@contextmanager
def connected_as(account: Mapping[str, Any]) -> Iterator[BaseDatabaseWrapper]:
    """Let this thread use the default database as another role, for the block.

    `account` has USER, PASSWORD, HOST and PORT, as in Django's DATABASES; if it is empty, the
    connection stays as it is.
    """
    usual = connections[DEFAULT_DB_ALIAS]
    if not account:
        yield usual
        return
    # All connections of the alias would share one pool.
    options = usual.settings_dict["OPTIONS"].copy()
    options.pop("pool", None)
    other = type(usual)({**usual.settings_dict, **account, "OPTIONS": options}, DEFAULT_DB_ALIAS)
    usual.close()
    connections[DEFAULT_DB_ALIAS] = other
    try:
        yield other
    finally:
        connections[DEFAULT_DB_ALIAS] = usual
        other.close()


def as_owner() -> Any:
    """Let this thread use the default database as the role that owns the tables, for the block."""
    return connected_as(settings.DATABASE_OWNER)


def check_ready(connection: BaseDatabaseWrapper) -> None:
    """Raise `CommandError` if the settings name two roles that are not set up."""
    if not are_two():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [running_role().name])
        is_made = cursor.fetchone()
    if not is_made or not owns_tables(connection):
        raise CommandError(
            "DATABASE_URL and MIGRATE_DATABASE_URL name two database roles that are not set up: "
            "run `manage.py database_roles`."
        )


def owns_tables(connection: BaseDatabaseWrapper) -> bool:
    """Whether the connection's role owns all append-only tables that exist."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM pg_class WHERE {_APPEND_ONLY} AND NOT pg_has_role(relowner, 'USAGE')",  # noqa: S608
            [list(TABLES)],
        )
        return cursor.fetchone() is None


def grant(connection: BaseDatabaseWrapper, *, owner: str, running: str) -> int:
    """Give `running` its rights on what `owner` owns, and no others; returns the number of tables.

    Tables that `owner` makes later get the usual rights, until this is called again.
    """
    # In one transaction, so that a running studio is never without its rights.
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        tables = _owned(cursor, owner, "rpvm")
        append_only = [table for table in tables if table in TABLES]
        schema, to = _schema(cursor), quoted(running)
        for statement in (
            *_table_grants(tables, to, ORDINARY),
            *_table_grants(append_only, to, ON_APPEND_ONLY),
            *(
                f"GRANT UPDATE ({', '.join(ERASABLE[table])}) ON {table} TO {to}"
                for table in append_only
                if table in ERASABLE
            ),
            *(
                f"GRANT {ON_SEQUENCES} ON SEQUENCE {quoted(name)} TO {to}"
                for name in _owned(cursor, owner, "S")
            ),
            *(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(owner)} IN SCHEMA {schema} "
                f"GRANT {rights} ON {kind} TO {to}"
                for kind, rights in (("TABLES", ORDINARY), ("SEQUENCES", ON_SEQUENCES))
            ),
        ):
            cursor.execute(statement)
    return len(tables)


def grant_after_migrate(using: str, **kwargs: Any) -> None:
    """Receiver of `post_migrate`."""
    if are_two():
        grant(connections[using], owner=owner_role().name, running=running_role().name)


def dangers(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what the connection's role may do that it should not; nothing on SQLite.

    Each is the end of a sentence that begins with "it may". Whoever owns a table may do anything
    with it, so then nothing else is said.
    """
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_has_role(relowner, 'MEMBER') FROM pg_class "  # noqa: S608
            f"WHERE {_APPEND_ONLY} ORDER BY relname",
            [list(TABLES)],
        )
        owns = dict(cursor.fetchall())
        if any(owns.values()):
            return ["switch off the triggers of its tables, because it owns them"]
        cursor.execute("SELECT has_schema_privilege(current_schema(), 'CREATE')")
        found = ["create tables and functions"] if cursor.fetchone()[0] else []
        for table in owns:
            found += [f"{right} {table}" for right in _excess(cursor, table)]
    return found


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _table_grants(tables: list[str], to: str, rights: str) -> list[str]:
    if not tables:
        return []
    names = ", ".join(map(quoted, tables))
    return [f"REVOKE ALL ON {names} FROM PUBLIC, {to}", f"GRANT {rights} ON {names} TO {to}"]


def _owned(cursor: Any, owner: str, kinds: str) -> list[str]:
    """Names of the relations of the current schema that `owner` owns; `kinds` as in pg_class."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
        "AND relkind::text = ANY(%s::text[]) AND pg_get_userbyid(relowner) = %s ORDER BY relname",
        [list(kinds), owner],
    )
    return [name for (name,) in cursor.fetchall()]


def _schema(cursor: Any) -> str:
    cursor.execute("SELECT current_schema()")
    return quoted(cursor.fetchone()[0])


def _excess(cursor: Any, table: str) -> Iterator[str]:
    """The rights on an append-only table that the current role has and should not have."""
    cursor.execute(
        "SELECT has_table_privilege(%s, right_), right_ FROM unnest(%s::text[]) AS right_",
        [table, list(DANGEROUS)],
    )
    rights = [right for has, right in cursor.fetchall() if has]
    yield from rights
    if "UPDATE" in rights:
        return
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 "
        "AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'UPDATE')",
        [table],
    )
    columns = [name for (name,) in cursor.fetchall() if name not in ERASABLE.get(table, ())]
    yield from (f"UPDATE {column} of" for column in columns)
