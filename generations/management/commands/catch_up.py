"""Completes what an older version made while it still ran during an upgrade."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts import shell
from generations.catch_up import DAYS, catch_up


class Command(shell.RecordedCommand):
    help = (
        "Completes records and runs that an older version made during an upgrade: reviewers then "
        "see and find the records, the gallery finds the runs, and the records are sealed. Beat "
        "does this every night. May be interrupted and started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, default=DAYS, help="how far to look back (default: %(default)s)"
        )

    def handle(self, **options: Any) -> None:
        shell.record_use("catch_up")
        since = timezone.now() - timedelta(days=options["days"])
        completed = catch_up(since)
        self.stdout.write(
            f"Teams added to records: {completed.teams}. Runs added to search: {completed.runs}. "
            f"Records added to search: {completed.records}. "
            f"Records that will be sealed: {completed.unsealed}."
        )
