from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts import damage, database_roles, sealing
from accounts.shell import RecordedCommand

REFUSED = 2
REMAINS = "This is not mended by accepting it:"


class Command(RecordedCommand):
    help = (
        "Shows the damage to the log that keeps the studio from starting, repairs the "
        "protection, and records who accepted which damage and why."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--reason", required=True, help="what happened; kept in the log with your user name"
        )

    def handle(self, *, reason: str, **options: Any) -> None:
        if not reason.strip():
            raise CommandError("Say in --reason what happened.", returncode=REFUSED)
        with database_roles.as_owner():
            self._accept(reason.strip())

    def _accept(self, reason: str) -> None:
        found = damage.found() or damage.found_anywhere()
        if not found:
            self.stdout.write("The log has no damage. Nothing was changed.")
            return
        for sentence in found:
            self.stdout.write(sentence)
        executor = MigrationExecutor(connection)
        # The record needs the tables of this version.
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0, refuse_damage=False)
        try:
            remaining = damage.accept(found, reason=reason)
        except sealing.Stopped as stopped:
            raise CommandError(
                f"The damage is on the record, but the log cannot be sealed: {stopped.reason}"
            ) from stopped
        self.stdout.write("The damage is on the record, and the log is protected again.")
        if remaining:
            raise CommandError(f"{REMAINS} {' '.join(remaining)}")
