from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import connection
from django.db.models import Max

from accounts import database_roles, scrubbing, shell
from generations.erasing import work
from generations.jobs import heartbeat
from generations.models import Erasure


class Command(shell.RecordedCommand):
    help = (
        "Removes the old rows of erased texts from the files of the database (VACUUM) and finishes "
        "the erasures that wait for it. On PostgreSQL only a studio with two database roles needs "
        "it, on SQLite only one with a large database. On SQLite, stop the studio first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--full",
            action="store_true",
            help="on PostgreSQL, rewrite the tables, so that no byte of the old rows is left in "
            "their files. Stop the studio first: the tables cannot be used meanwhile",
        )

    def handle(self, *, full: bool, **options: Any) -> None:
        if connection.vendor == "postgresql":
            self._vacuum_tables(full=full)
        else:
            self._vacuum_file()

    def _vacuum_tables(self, *, full: bool) -> None:
        with database_roles.as_owner():
            if not database_roles.owns_tables(connection):
                raise CommandError(
                    "The role of DATABASE_URL does not own the tables: set MIGRATE_DATABASE_URL."
                )
            self._refuse_readers()
            shell.record_use("finish_erasures")
            scrubbing.vacuum_as_owner(work.tables(), full=full)
        self.stdout.write("The old rows are removed.")
        for erasure in Erasure.objects.filter(status=Erasure.Status.CLEANING):
            work.take(erasure)

    def _refuse_readers(self) -> None:
        cleaning = Erasure.objects.filter(status=Erasure.Status.CLEANING)
        erased_at = cleaning.aggregate(last=Max("emptied_at"))["last"]
        if erased_at and scrubbing.is_read_as_of(erased_at):
            raise CommandError(
                "Something such as a back-up has been reading the database since before the texts "
                "were erased, so their old rows can't be removed. Run the command again when it "
                "has ended."
            )

    def _vacuum_file(self) -> None:
        if heartbeat.alive().exists():
            raise CommandError(
                "Stop the studio first, and wait 30 seconds: a worker runs, and would end because "
                "it cannot write to the database meanwhile."
            )
        shell.record_use("finish_erasures")
        cleaning = Erasure.objects.filter(status=Erasure.Status.CLEANING)
        cleaning.update(reason="")
        waiting = list(cleaning)
        try:
            scrubbing.vacuum_file()
        except scrubbing.NotYet as error:
            raise CommandError(
                "Another program reads the database: stop it, and run the command again."
            ) from error
        self.stdout.write("The old rows are removed.")
        for erasure in waiting:
            work.take(erasure, is_scrubbed=True)
