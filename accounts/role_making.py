"""Makes the two roles of `accounts.database_roles`, and gives the owner what exists."""

from collections.abc import Iterator
from typing import Any

from django.core.management import CommandError
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.database_roles import Role, grant, quoted

# Attributes of the running role that would let it around its rights, with their names in pg_roles.
UNWANTED = {
    "CREATEROLE": "rolcreaterole",
    "CREATEDB": "rolcreatedb",
    "REPLICATION": "rolreplication",
    "BYPASSRLS": "rolbypassrls",
}
# What is in the current schema and belongs to somebody else than the owner. Sequences of columns
# belong to whoever has the table, and parts of an extension to whoever installed it.
_FOREIGN = """
SELECT kind, name, count(*) OVER (PARTITION BY kind) FROM (
    SELECT 'TABLE' AS kind, oid::regclass::text AS name, relowner AS owner, oid, tableoid
    FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND (
        relkind IN ('r', 'p', 'v', 'm') OR relkind = 'S' AND NOT EXISTS (
            SELECT 1 FROM pg_depend
            WHERE objid = pg_class.oid AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i')
        )
    )
    UNION ALL
    SELECT 'ROUTINE', oid::regprocedure::text, proowner, oid, tableoid
    FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
) AS object
WHERE pg_get_userbyid(owner) <> %s AND NOT EXISTS (
    SELECT 1 FROM pg_depend
    WHERE objid = object.oid AND classid = object.tableoid AND deptype = 'e'
)
UNION ALL
SELECT 'SCHEMA', nspname, 1 FROM pg_namespace
WHERE nspname = current_schema() AND pg_get_userbyid(nspowner) = %s
UNION ALL
SELECT 'DATABASE', datname, 1 FROM pg_database
WHERE datname = current_database() AND pg_get_userbyid(datdba) = %s
"""


def make(connection: BaseDatabaseWrapper, *, owner: Role, running: Role) -> Iterator[str]:
    """Make both roles, move what exists to `owner`, grant `running` its rights: all or nothing.

    Yields a sentence for each thing done; what is right already is left alone. `connection` belongs
    to a role that may do all this. Raises `CommandError` if `running` is a superuser, whom no right
    limits.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for role in (owner, running):
            yield from _make_role(connection, cursor, role)
        yield from _limit(cursor, owner.name, running.name)
        yield from _move(cursor, owner.name, running.name)
        yield from _close_schema(cursor, owner.name, running.name)
        tables = grant(connection, owner=owner.name, running=running.name)
        yield f"{running.name} has its rights on {tables} tables, and on those made later."


def _make_role(connection: BaseDatabaseWrapper, cursor: Any, role: Role) -> Iterator[str]:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role.name])
    if cursor.fetchone():
        return
    password = ""
    if role.password:
        # Only a hash, because servers may log statements.
        connection.ensure_connection()
        hashed = connection.connection.pgconn.encrypt_password(
            role.password.encode(), role.name.encode()
        )
        password = f" PASSWORD '{hashed.decode()}'"
    cursor.execute(f"CREATE ROLE {quoted(role.name)} LOGIN{password}")
    yield f"Made the role {role.name}."


def _limit(cursor: Any, owner: str, running: str) -> Iterator[str]:
    """Take from `running` the attributes and the membership by which it could get more rights."""
    cursor.execute(
        f"SELECT rolsuper, pg_has_role(rolname, %s, 'MEMBER'), {', '.join(UNWANTED.values())} "  # noqa: S608
        "FROM pg_roles WHERE rolname = %s",
        [owner, running],
    )
    is_superuser, is_member, *unwanted = cursor.fetchone()
    if is_superuser:
        raise CommandError(
            f"{running} is a superuser, whom no right limits: name another role in DATABASE_URL."
        )
    if is_member:
        cursor.execute(f"REVOKE {quoted(owner)} FROM {quoted(running)}")
        yield f"{running} is no longer a member of {owner}."
    attributes = [name for name, has in zip(UNWANTED, unwanted, strict=True) if has]
    if attributes:
        without = " ".join(f"NO{name}" for name in attributes)
        cursor.execute(f"ALTER ROLE {quoted(running)} {without}")
        yield f"{running} has lost {', '.join(attributes)}."


def _move(cursor: Any, owner: str, running: str) -> Iterator[str]:
    cursor.execute(_FOREIGN, [owner, running, running])
    found = cursor.fetchall()
    for kind, name, _ in found:
        cursor.execute(f"ALTER {kind} {name} OWNER TO {quoted(owner)}")
    for kind, count in sorted({(kind, count) for kind, _, count in found}):
        yield f"{owner} owns {count} more of kind {kind.lower()}."


def _close_schema(cursor: Any, owner: str, running: str) -> Iterator[str]:
    """Let `owner` create objects in the schema, and `running` only use them."""
    cursor.execute("SELECT quote_ident(current_schema()), quote_ident(current_database())")
    schema, database = cursor.fetchone()
    cursor.execute(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {quoted(owner)}")
    cursor.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {quoted(running)}")
    cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {quoted(running)}")
    cursor.execute(
        f"REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC, {quoted(running)}"
    )
    yield f"{running} can create nothing in the database; {owner} can."
