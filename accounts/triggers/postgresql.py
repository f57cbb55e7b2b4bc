"""The triggers on PostgreSQL, two for each table, and the function that they call.

A trigger is described by what fires it and by the text of its function.
"""

from collections.abc import Mapping

from django.db.backends.utils import CursorWrapper

# Tables of which older versions let no column be emptied.
ONCE_FROZEN = ("accounts_entry",)
_REFUSE = (
    " BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'restrict_violation'; END "
)
_REFUSE_UNLESS_EMPTIED = (
    " BEGIN IF TG_OP = 'UPDATE' AND {emptied} THEN RETURN NEW; END IF; "
    "RAISE EXCEPTION '{table} may only be emptied' USING ERRCODE = 'restrict_violation'; END "
)
# ALWAYS: `session_replication_role = replica` must not switch them off.
_CREATE = (
    "CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
    "CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION {table}_refuse()",
    "CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_change",
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_truncate",
)
# What fires a trigger, as the bits of `pg_trigger.tgtype` (PostgreSQL, catalog/pg_trigger.h).
_ROW, _BEFORE, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 8, 16, 32
_SAME = {True: "=", False: "IS NOT DISTINCT FROM"}
_FIRED_BY = {"no_change": _ROW | _BEFORE | _DELETE | _UPDATE, "no_truncate": _BEFORE | _TRUNCATE}


def wanted(cursor: CursorWrapper, table: str, erasable: Mapping[str, str]) -> dict[str, str]:
    """The triggers that `table` must have; see `sqlite.wanted`."""
    body = _body(cursor, table, erasable)
    return {f"{table}_{name}": f"{fired_by}{body}" for name, fired_by in _FIRED_BY.items()}


def older(table: str) -> set[str]:
    """Descriptions of triggers that older versions of the studio installed."""
    if table not in ONCE_FROZEN:
        return set()
    return {f"{fired_by}{_REFUSE.format(table=table)}" for fired_by in _FIRED_BY.values()}


def present(cursor: CursorWrapper, table: str) -> dict[str, str]:
    """The triggers that `table` has and that always fire: name and description."""
    cursor.execute(
        "SELECT tgname, tgtype || prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
        "WHERE tgrelid = to_regclass(%s) AND tgenabled = 'A' AND tgqual IS NULL AND tgattr = ''",
        [table],
    )
    return dict(cursor.fetchall())


def create(cursor: CursorWrapper, table: str, erasable: Mapping[str, str]) -> None:
    """Install the triggers that `table` must have, in place of those of the same names."""
    drop(cursor, table)
    body = _body(cursor, table, erasable)
    for statement in _CREATE:
        cursor.execute(statement.format(table=table, body=body), None)


def drop(cursor: CursorWrapper, table: str) -> None:
    """Remove the triggers that `create` installs."""
    for name in _FIRED_BY:
        cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{name} ON {table}")


def _body(cursor: CursorWrapper, table: str, erasable: Mapping[str, str]) -> str:
    if not erasable:
        return _REFUSE.format(table=table)
    cursor.execute(
        "SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = to_regclass(%s) "
        "AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table],
    )
    kept = [row for row in cursor.fetchall() if row[0] not in erasable]
    conditions = [f"NEW.{column} {_SAME[never_null]} OLD.{column}" for column, never_null in kept]
    conditions += [_emptied(column, empty) for column, empty in erasable.items()]
    return _REFUSE_UNLESS_EMPTIED.format(table=table, emptied=" AND ".join(conditions))


def _emptied(column: str, empty: str) -> str:
    if empty == "NULL":
        return f"NEW.{column} IS NULL"
    return f"NEW.{column} = {empty} AND OLD.{column} <> {empty}"
