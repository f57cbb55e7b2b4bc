from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import ProgrammingError, connection

from accounts import append_only, damage, database_roles
from accounts.shell import RecordedCommand

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

    def handle(self, *args: Any, refuse_damage: bool = True, **options: Any) -> None:
        with database_roles.as_owner():
            database_roles.check_ready(connection)
            if refuse_damage and (refusal := damage.refusal()):
                raise CommandError(refusal)
            try:
                super().handle(*args, **options)
            except ProgrammingError as error:
                if database_roles.owns_tables(connection):
                    raise
                raise CommandError(NOT_OWNER) from error

    def migration_progress_callback(self, action: str, *args: Any, **kwargs: Any) -> None:
        # At once, because the next migration may take long, or be the last for a while.
        if action == "apply_success":
            append_only.install(connection)
        super().migration_progress_callback(action, *args, **kwargs)
