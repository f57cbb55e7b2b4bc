from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import ProgrammingError, connection

from accounts import append_only, damage, database_roles, operations
from accounts.shell import RecordedCommand, has_log

NOT_OWNER = (
    "The role of DATABASE_URL may not change the tables: set MIGRATE_DATABASE_URL, with the role "
    "that owns them."
)


class Command(RecordedCommand, migrate.Command):
    help = (
        "Updates the database, as the role that owns its tables. Refuses to, if the log is "
        "damaged or unprotected."
    )
    stealth_options = ("refuse_damage",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._applied: list[str] = []
        self._unapplied: list[str] = []

    def handle(self, *args: Any, refuse_damage: bool = True, **options: Any) -> None:
        with database_roles.as_owner():
            database_roles.check_ready(connection)
            if refuse_damage and (refusal := damage.refusal()):
                raise CommandError(refusal)
            try:
                super().handle(*args, **options)
                self._record(options)
            except ProgrammingError as error:
                if database_roles.owns_tables(connection):
                    raise
                raise CommandError(NOT_OWNER) from error

    def _record(self, options: Any) -> None:
        """Record what was done, as far as the tables of the log are complete."""
        # Django makes databases for tests with `run_syncdb`; these begin without a record.
        if options.get("run_syncdb") or not (self._applied or self._unapplied):
            return
        if not has_log():
            self.stderr.write("The log's tables are not up to date, so this is not on the record.")
            return
        operations.migrated(applied=self._applied, unapplied=self._unapplied)

    def migration_progress_callback(self, action: str, *args: Any, **kwargs: Any) -> None:
        # At once, because the next migration may take long, or be the last for a while.
        if action == "apply_success":
            append_only.install(connection)
        done = {"apply_success": self._applied, "unapply_success": self._unapplied}
        if action in done:
            done[action].append(str(args[0]))
        super().migration_progress_callback(action, *args, **kwargs)
