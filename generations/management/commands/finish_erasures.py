from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import connection

from accounts import database_roles, scrubbing, shell
from generations.erasing import work
from generations.models import Erasure


class Command(shell.RecordedCommand):
    help = (
        "Removes the old rows of erased texts from the files of PostgreSQL (VACUUM), as the role "
        "that owns the tables. Only a studio with two database roles needs it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--full",
            action="store_true",
            help="rewrite the tables, so that no byte of the old rows is left in their files. "
            "Stop the studio first: the tables cannot be used meanwhile",
        )

    def handle(self, *, full: bool, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL needs it: on SQLite the workers do it all.")
        with database_roles.as_owner():
            if not database_roles.owns_tables(connection):
                raise CommandError(
                    "The role of DATABASE_URL does not own the tables: set MIGRATE_DATABASE_URL."
                )
            shell.record_use("finish_erasures")
            scrubbing.vacuum_as_owner(work.tables(), full=full)
        self.stdout.write("The old rows are removed.")
        for erasure in Erasure.objects.filter(status=Erasure.Status.CLEANING):
            work.take(erasure)
