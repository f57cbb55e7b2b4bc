from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection

from accounts import append_only, damage, database_roles


class Command(migrate.Command):
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
            super().handle(*args, **options)

    def migration_progress_callback(self, action: str, *args: Any, **kwargs: Any) -> None:
        # At once, because the next migration may take long, or be the last for a while.
        if action == "apply_success":
            append_only.install(connection)
        super().migration_progress_callback(action, *args, **kwargs)
