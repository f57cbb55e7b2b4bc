"""Adds records to the search index of the log that are not in it."""

from argparse import ArgumentParser
from typing import Any

from accounts import shell
from accounts.audit.index import index_next
from accounts.models import Record


class Command(shell.RecordedCommand):
    help = (
        "Adds records that are not in the search index of the log. "
        "May be interrupted: the next start continues."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="index every record again")

    def handle(self, **options: Any) -> None:
        shell.record_use("index_log")
        at, total = 0, 0
        while True:
            at, indexed = index_next(Record.objects.all(), after=at, again=options["again"])
            total += indexed
            if not at:
                break
        self.stdout.write(f"Indexed {total} records.")
